/* A WebSocket server that sends every message back, frame by frame, as it came.
 *
 *   ws_echo PORT
 *
 * RFC 6455, no extensions: handshake, unmasking, ping and close are answered, fragments are echoed as fragments; a frame that does not fit into 64 kB
 * ends its connection with 1009. All frames of one read leave in one write. One thread, epoll. SIGTERM or SIGINT ends it with
 * one line of JSON.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "listening.h"

enum { MOST_CONNECTIONS = 65536, ROOM = 65536 + 14, EVENTS = 512, PING = 9, PONG = 10, CLOSE = 8, TOO_BIG = 1009 };

static struct connection {
    uint8_t *bytes; /* what was read and not yet understood */
    size_t got;
    int upgraded;
} connections[MOST_CONNECTIONS];
static uint8_t out[ROOM * 2];
static uint64_t messages, handshakes, broken;
static int open_now, most_open;

static uint32_t rotated(uint32_t word, int by) { return word << by | word >> (32 - by); }

/* SHA-1 (FIPS 180-4, 6.1) of a text of at most 119 bytes: two blocks. */
static void sha1(const char *text, size_t size, uint8_t digest[20]) {
    uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    uint8_t padded[128] = {0};
    size_t blocks = size < 56 ? 1 : 2;
    memcpy(padded, text, size);
    padded[size] = 0x80;
    padded[blocks * 64 - 2] = (uint8_t)(size * 8 >> 8);
    padded[blocks * 64 - 1] = (uint8_t)(size * 8);
    for (size_t block = 0; block < blocks; block++) {
        uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
        const uint8_t *in = padded + 64 * block;
        for (int t = 0; t < 16; t++) w[t] = (uint32_t)in[4 * t] << 24 | in[4 * t + 1] << 16 | in[4 * t + 2] << 8 | in[4 * t + 3];
        for (int t = 16; t < 80; t++) w[t] = rotated(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
        for (int t = 0; t < 80; t++) {
            uint32_t f = t < 20 ? (b & c) | (~b & d) : t < 40 || t >= 60 ? b ^ c ^ d : (b & c) | (b & d) | (c & d);
            uint32_t k = t < 20 ? 0x5A827999 : t < 40 ? 0x6ED9EBA1 : t < 60 ? 0x8F1BBCDC : 0xCA62C1D6;
            uint32_t next = rotated(a, 5) + f + e + k + w[t];
            e = d, d = c, c = rotated(b, 30), b = a, a = next;
        }
        h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
    }
    for (int k = 0; k < 20; k++) digest[k] = (uint8_t)(h[k / 4] >> (24 - 8 * (k % 4)));
}

/* The answer to a Sec-WebSocket-Key (RFC 6455, 4.2.2): 28 characters. */
static void accept_key(const char *key, size_t size, char answer[29]) {
    static const char LETTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char text[120];
    uint8_t digest[21] = {0};
    size_t all = (size_t)snprintf(text, sizeof text, "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", (int)(size < 60 ? size : 60), key);
    sha1(text, all, digest);
    for (int k = 0; k < 7; k++) {
        uint32_t three = (uint32_t)digest[3 * k] << 16 | digest[3 * k + 1] << 8 | digest[3 * k + 2];
        for (int letter = 0; letter < 4; letter++) answer[4 * k + letter] = LETTERS[three >> (18 - 6 * letter) & 63];
    }
    answer[27] = '=';
    answer[28] = 0;
}

static void forget(int fd) {
    free(connections[fd].bytes);
    connections[fd] = (struct connection){0};
    open_now--;
    close(fd);
}

static int send_all(int fd, const void *bytes, size_t size) {
    if (write(fd, bytes, size) == (ssize_t)size) return 1;
    broken++; /* the reader went away, or left hundreds of kilobytes unread */
    forget(fd);
    return 0;
}

/* The bytes that a handshake took; 0: not all of it is here; -1: the connection is gone. */
static int handshake(int fd) {
    static const char NAME[] = "sec-websocket-key:";
    struct connection *one = &connections[fd];
    char *head = (char *)one->bytes, *end = memmem(head, one->got, "\r\n\r\n", 4), key[29];
    if (!end) return 0;
    *end = 0;
    char *value = strcasestr(head, NAME);
    if (!value) {
        static const char REFUSED[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        if (send_all(fd, REFUSED, sizeof REFUSED - 1)) forget(fd);
        return -1;
    }
    value += sizeof NAME - 1;
    value += strspn(value, " \t");
    accept_key(value, strcspn(value, " \t\r"), key);
    char answer[200];
    int size = snprintf(answer, sizeof answer,
                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", key);
    if (!send_all(fd, answer, (size_t)size)) return -1;
    one->upgraded = 1;
    handshakes++;
    return (int)(end + 4 - head);
}

static size_t put_head(uint8_t *into, uint8_t first, size_t size) {
    into[0] = first;
    if (size < 126) {
        into[1] = (uint8_t)size;
        return 2;
    }
    if (size < 65536) {
        into[1] = 126, into[2] = (uint8_t)(size >> 8), into[3] = (uint8_t)size;
        return 4;
    }
    into[1] = 127;
    for (int k = 0; k < 8; k++) into[2 + k] = (uint8_t)((uint64_t)size >> (56 - 8 * k));
    return 10;
}

static void close_with(int fd, int code) {
    const uint8_t frame[4] = {0x80 | CLOSE, 2, (uint8_t)(code >> 8), (uint8_t)code};
    if (send_all(fd, frame, sizeof frame)) forget(fd);
}

/* Every whole frame that is here, answered. */
static void echo(int fd) {
    struct connection *one = &connections[fd];
    size_t at = 0, filled = 0;
    int closes = 0;
    while (!closes && one->got - at >= 2) {
        const uint8_t *frame = one->bytes + at;
        size_t size = frame[1] & 127, wide = size == 126 ? 2 : size == 127 ? 8 : 0, head = 2 + wide + (frame[1] & 128 ? 4 : 0);
        if (one->got - at < head) break;
        if (wide) size = 0;
        for (size_t k = 0; k < wide; k++) size = size << 8 | frame[2 + k];
        if (size > ROOM - 14 || filled + size + 14 > sizeof out) {
            close_with(fd, TOO_BIG);
            return;
        }
        if (one->got - at < head + size) break;
        int opcode = frame[0] & 15;
        at += head + size;
        if (opcode == PONG) continue;
        filled += put_head(out + filled, (uint8_t)(opcode == PING ? (frame[0] & 0xF0) | PONG : frame[0]), size);
        const uint8_t *mask = frame + head - 4, *payload = frame + head;
        if (frame[1] & 128)
            for (size_t k = 0; k < size; k++) out[filled + k] = payload[k] ^ mask[k & 3];
        else memcpy(out + filled, payload, size);
        filled += size;
        messages += opcode < CLOSE;
        closes = opcode == CLOSE;
    }
    if (filled && !send_all(fd, out, filled)) return;
    if (closes) {
        forget(fd);
        return;
    }
    memmove(one->bytes, one->bytes + at, one->got - at);
    one->got -= at;
}

static void read_from(int fd) {
    struct connection *one = &connections[fd];
    ssize_t got = read(fd, one->bytes + one->got, ROOM - one->got);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        forget(fd);
        return;
    }
    one->got += (size_t)got;
    if (!one->upgraded) {
        int taken = handshake(fd);
        if (taken <= 0) return;
        one->got -= (size_t)taken;
        memmove(one->bytes, one->bytes + taken, one->got);
    }
    echo(fd);
}

static void accept_all(int listener) {
    int fd, yes = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (fd >= MOST_CONNECTIONS || !(connections[fd].bytes = malloc(ROOM))) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        if (++open_now > most_open) most_open = open_now;
        watch(fd);
    }
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: ws_echo PORT\n");
        return 2;
    }

    int signals = end_signals(), listener = listen_on(atoi(argv[1]));
    watch(listener);
    watch(signals);
    for (;;) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(poller, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) accept_all(listener);
            else if (fd == signals) {
                printf("{\"messages\": %llu, \"handshakes\": %llu, \"broken\": %llu, \"most_connections\": %d}\n", (unsigned long long)messages,
                       (unsigned long long)handshakes, (unsigned long long)broken, most_open);
                return 0;
            } else if (connections[fd].bytes) read_from(fd);
        }
    }
}
