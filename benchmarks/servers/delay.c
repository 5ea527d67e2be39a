/* An HTTP server that answers each request after a fixed delay, and says how late its answers really were.
 *
 *   delay PORT DELAY_US
 *
 * One thread, epoll for sockets, one timerfd for the earliest deadline: with one fixed delay the deadlines are a queue, oldest first. A delay of 0
 * answers at once. SIGTERM or SIGINT ends it; it then prints one line of JSON: answers, and how much later than the delay they were written.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "listening.h"

enum { MOST_CONNECTIONS = 65536, QUEUE = 1 << 17, LATENESS_BUCKETS = 100000, EVENTS = 512 };

static const char ANSWER[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n";

/* A descriptor is used again after a close; the generation says whether a waiting answer still belongs to it. */
static struct { uint32_t generation; int matched; } connections[MOST_CONNECTIONS];
static struct { int64_t due_ns; int fd; uint32_t generation; } waiting[QUEUE];
static uint64_t first, last; /* of the queue; positions are taken modulo QUEUE */
static uint64_t lateness_us[LATENESS_BUCKETS], answers;
static int64_t delay_ns;
static int timer;

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void answer(int fd, int64_t due_ns) {
    int64_t late = (now_ns() - due_ns) / 1000;
    lateness_us[late < 0 ? 0 : late >= LATENESS_BUCKETS ? LATENESS_BUCKETS - 1 : late]++;
    answers++;
    /* 70 bytes into a socket that waits for an answer: they always fit, and a peer that went away is found by the next read. */
    if (write(fd, ANSWER, sizeof ANSWER - 1) < 0 && errno != EAGAIN && errno != EPIPE && errno != ECONNRESET) fail("write");
}

static void arm(void) {
    struct itimerspec when = {0};
    if (first != last) {
        int64_t due_ns = waiting[first % QUEUE].due_ns;
        when.it_value.tv_sec = due_ns / 1000000000LL;
        when.it_value.tv_nsec = due_ns % 1000000000LL;
    }
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void answer_those_due(void) {
    while (first != last && waiting[first % QUEUE].due_ns <= now_ns()) {
        uint64_t place = first++ % QUEUE;
        if (connections[waiting[place].fd].generation == waiting[place].generation) answer(waiting[place].fd, waiting[place].due_ns);
    }
    arm();
}

static void asked(int fd) {
    int64_t due_ns = now_ns() + delay_ns;
    if (!delay_ns) {
        answer(fd, due_ns);
        return;
    }
    if (last - first == QUEUE) {
        fprintf(stderr, "more than %d requests are waiting\n", QUEUE);
        exit(2);
    }
    int was_empty = first == last;
    waiting[last % QUEUE].due_ns = due_ns;
    waiting[last % QUEUE].fd = fd;
    waiting[last % QUEUE].generation = connections[fd].generation;
    last++;
    if (was_empty) arm();
}

static void read_from(int fd) {
    static const char END[] = "\r\n\r\n"; /* requests without a body: an empty line ends each */
    char bytes[16384];
    ssize_t got = read(fd, bytes, sizeof bytes);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        connections[fd].generation++;
        close(fd);
        return;
    }
    for (ssize_t i = 0; i < got; i++) {
        int *matched = &connections[fd].matched;
        *matched = bytes[i] == END[*matched] ? *matched + 1 : bytes[i] == END[0];
        if (*matched == 4) {
            *matched = 0;
            asked(fd);
        }
    }
}

static void accept_all(int listener) {
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        int yes = 1;
        if (fd >= MOST_CONNECTIONS) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        connections[fd].generation++;
        connections[fd].matched = 0;
        watch(fd);
    }
}

static int64_t lateness_at(double share) {
    uint64_t seen = 0;
    for (int64_t us = 0; us < LATENESS_BUCKETS; us++) {
        seen += lateness_us[us];
        if (seen > 0 && seen >= share * answers) return us;
    }
    return -1;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: delay PORT DELAY_US\n");
        return 2;
    }
    delay_ns = atoll(argv[2]) * 1000;

    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    int signals = end_signals(), listener = listen_on(atoi(argv[1]));
    watch(listener);
    watch(timer);
    watch(signals);
    for (;;) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(poller, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) accept_all(listener);
            else if (fd == timer) answer_those_due();
            else if (fd == signals) {
                printf("{\"answers\": %llu, \"late_p50_us\": %lld, \"late_p99_us\": %lld}\n", (unsigned long long)answers,
                       (long long)lateness_at(0.5), (long long)lateness_at(0.99));
                return 0;
            } else read_from(fd);
            /* A long batch of reads must not hold back answers that are due meanwhile. */
            if (first != last && waiting[first % QUEUE].due_ns <= now_ns()) answer_those_due();
        }
    }
}
