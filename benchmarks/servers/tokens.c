/* An OpenAI-style chat server whose tokens come on an exact schedule, and which says how late it really was.
 *
 *   tokens PORT [NAME=NUMBER]…        the same names in the query of a request count for that request alone
 *
 *   ttft_us=50000    arrival of the request to its first token    gap_us=10000   time of one token
 *   tokens=64        visible tokens of an answer                  per_chunk=1    tokens that share one event
 *   role=0           1: a first event without a token, at once    reasoning=0    tokens of reasoning before the visible ones
 *   freeze_us=0      silence before the token freeze_at           freeze_at=32   counted from 0, reasoning included
 *   errors=0         share of answers with status 500, in 1/1000  usage=1        token counts at the end
 *
 * Token k is due at arrival + ttft + k * gap (+ freeze): absolute, so that a late write delays no other. Arrival is the kernel's receive stamp of the
 * request's last bytes. The error share is exact: of any 1000 answers in a row that many fail, evenly spread; a failure comes when the first token
 * would have. A request without "stream": true is answered whole when its last token would have come. One thread, epoll, one timerfd for the
 * earliest deadline of a heap. GET /stats, and SIGTERM or SIGINT, give one line of JSON: lateness of the writes, and the times to first token and
 * gaps between tokens as they were really written.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "listening.h"

enum { MOST_CONNECTIONS = 16384, ROOM = 65536, BUCKETS = 2000000, EVENTS = 512, MOST_PER_CHUNK = 64, TEXT = 8192 };

#define NAMES 10
enum name { TTFT_US, GAP_US, TOKENS, PER_CHUNK, ROLE, REASONING, FREEZE_US, FREEZE_AT, ERRORS, USAGE };
static const char *const names[NAMES] = {"ttft_us", "gap_us", "tokens", "per_chunk", "role", "reasoning", "freeze_us", "freeze_at", "errors", "usage"};
static int64_t usual[NAMES] = {50000, 10000, 64, 1, 0, 0, 0, 32, 0, 1};

/* What an answer does next. */
enum doing { IDLE, STREAMS, WHOLE, FAILS };

static struct connection {
    uint32_t generation;
    enum doing doing;
    int64_t knobs[NAMES];
    int64_t arrived_ns, written_ns; /* the request's last bytes; the newest visible token, 0 before the first */
    int64_t token;                  /* the next one, reasoning included */
    char *bytes;                    /* what was read and not yet understood */
    size_t got, skip;               /* skip: bytes of a body that found no room */
} connections[MOST_CONNECTIONS];

static struct due { int64_t at_ns; int fd; uint32_t generation; } heap[MOST_CONNECTIONS * 2];
static size_t waiting;
static struct histogram { uint32_t us[BUCKETS]; uint64_t count; } late, ttft, gap;
static uint64_t requests, answers, failures, events_written, broken;
static int open_now, most_open, active, most_active;
static int timer, realtime;
static int64_t armed_ns, first_ns, last_ns; /* the first request, the end of the newest answer */

static int64_t clock_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void count(struct histogram *into, int64_t ns) {
    int64_t us = ns / 1000;
    into->us[us < 0 ? 0 : us >= BUCKETS ? BUCKETS - 1 : us]++;
    into->count++;
}

static int64_t quantile_us(const struct histogram *of, double share) {
    uint64_t seen = 0;
    if (!of->count) return -1;
    for (int64_t us = 0; us < BUCKETS; us++)
        if ((seen += of->us[us]) >= share * of->count) return us;
    return BUCKETS;
}

/* The heap: the earliest deadline first. */
static void push(int64_t at_ns, int fd, uint32_t generation) {
    if (waiting == sizeof heap / sizeof *heap) fail("heap");
    size_t at = waiting++;
    for (; at && heap[(at - 1) / 2].at_ns > at_ns; at = (at - 1) / 2) heap[at] = heap[(at - 1) / 2];
    heap[at] = (struct due){at_ns, fd, generation};
}

static struct due pop(void) {
    struct due first = heap[0], last = heap[--waiting];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < waiting; at = child) {
        if (child + 1 < waiting && heap[child + 1].at_ns < heap[child].at_ns) child++;
        if (last.at_ns <= heap[child].at_ns) break;
        heap[at] = heap[child];
    }
    heap[at] = last;
    return first;
}

static void arm(void) {
    int64_t at_ns = waiting ? heap[0].at_ns : 0;
    if (at_ns == armed_ns && at_ns) return;
    struct itimerspec when = {.it_value = {at_ns / 1000000000LL, at_ns % 1000000000LL}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
    armed_ns = at_ns;
}

static void forget(int fd) {
    struct connection *one = &connections[fd];
    if (one->doing != IDLE) active--;
    one->generation++;
    one->doing = IDLE;
    one->got = one->skip = 0;
    free(one->bytes);
    one->bytes = NULL;
    open_now--;
    close(fd);
}

static int send_all(int fd, const char *bytes, size_t size) {
    if (write(fd, bytes, size) == (ssize_t)size) return 1;
    broken++; /* the reader went away, or left hundreds of kilobytes unread */
    forget(fd);
    return 0;
}

static int64_t all_tokens(const struct connection *one) { return one->knobs[REASONING] + one->knobs[TOKENS]; }

static int64_t due_ns(const struct connection *one, int64_t token) {
    const int64_t *knobs = one->knobs;
    int64_t us = knobs[TTFT_US] + token * knobs[GAP_US] + (knobs[FREEZE_US] && token >= knobs[FREEZE_AT] ? knobs[FREEZE_US] : 0);
    return one->arrived_ns + us * 1000;
}

static int event(char *into, const char *choices, const char *more) {
    char json[TEXT];
    int size = snprintf(json, sizeof json,
                        "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"exact\",\"choices\":[%s]%s}\n\n",
                        choices, more);
    return sprintf(into, "%x\r\n%s\r\n", size, json);
}

static int delta(char *into, const char *field, int64_t tokens) {
    char words[MOST_PER_CHUNK * 5 + 1], choices[TEXT / 2];
    for (int64_t k = 0; k < tokens; k++) memcpy(words + 5 * k, " word", 5);
    words[5 * tokens] = 0;
    snprintf(choices, sizeof choices, "{\"index\":0,\"delta\":{\"%s\":\"%s\"},\"logprobs\":null,\"finish_reason\":null}", field, words);
    return event(into, choices, "");
}

/* The events of each size, made once: formatting would be a third of the server's work. */
static struct { char bytes[TEXT]; int size; } ready[2][MOST_PER_CHUNK + 1];

static void make_ready(void) {
    for (int64_t tokens = 1; tokens <= MOST_PER_CHUNK; tokens++) {
        ready[0][tokens].size = delta(ready[0][tokens].bytes, "content", tokens);
        ready[1][tokens].size = delta(ready[1][tokens].bytes, "reasoning_content", tokens);
    }
}

static int usage(char *into, const struct connection *one) {
    return sprintf(into,
                   ",\"usage\":{\"prompt_tokens\":16,\"completion_tokens\":%lld,\"total_tokens\":%lld,"
                   "\"completion_tokens_details\":{\"reasoning_tokens\":%lld}}",
                   (long long)all_tokens(one), (long long)all_tokens(one) + 16, (long long)one->knobs[REASONING]);
}

static const char HEAD[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n";

static int whole(char *into, const char *status, const char *json) {
    return sprintf(into, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", status, strlen(json), json);
}

static void understand(int fd);

static void finish(int fd) {
    connections[fd].doing = IDLE;
    active--;
    answers++;
    last_ns = clock_ns(CLOCK_MONOTONIC);
    if (connections[fd].got) understand(fd); /* what came meanwhile */
}

/* The tokens that are due, as one event; with the last one everything that ends an answer. */
static void stream(int fd) {
    struct connection *one = &connections[fd];
    char bytes[TEXT * 2], counts[512];
    int size = 0, reasons = one->token < one->knobs[REASONING];
    int64_t until = reasons ? one->knobs[REASONING] : all_tokens(one), share = one->knobs[PER_CHUNK];
    if (share > until - one->token) share = until - one->token;
    if (!one->token && !one->knobs[ROLE]) memcpy(bytes, HEAD, size = sizeof HEAD - 1);
    memcpy(bytes + size, ready[reasons][share].bytes, ready[reasons][share].size);
    size += ready[reasons][share].size;
    one->token += share;
    int ends = one->token >= all_tokens(one);
    if (ends) {
        size += event(bytes + size, "{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}", "");
        if (one->knobs[USAGE] && usage(counts, one)) size += event(bytes + size, "", counts);
        size += sprintf(bytes + size, "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n");
    }
    int64_t now = clock_ns(CLOCK_MONOTONIC);
    if (!reasons) {
        if (one->written_ns) count(&gap, now - one->written_ns);
        else count(&ttft, now - one->arrived_ns);
        one->written_ns = now;
    }
    events_written++;
    if (!send_all(fd, bytes, size)) return;
    if (ends) finish(fd);
    else push(due_ns(one, one->token), fd, one->generation);
}

static void answer(int fd) {
    struct connection *one = &connections[fd];
    char bytes[TEXT * 2], json[TEXT], counts[512] = "";
    if (one->doing == STREAMS) {
        stream(fd);
        return;
    }
    if (one->doing == FAILS) {
        failures++;
        whole(bytes, "500 Internal Server Error", "{\"error\":{\"message\":\"asked to fail\",\"type\":\"server_error\",\"code\":500}}");
    } else {
        usage(counts, one);
        snprintf(json, sizeof json,
                 "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":\"exact\",\"choices\":[{\"index\":0,"
                 "\"message\":{\"role\":\"assistant\",\"content\":\"word\"},\"finish_reason\":\"stop\"}]%s}", counts);
        whole(bytes, "200 OK", json);
    }
    if (send_all(fd, bytes, strlen(bytes))) finish(fd);
}

static void answer_those_due(void) {
    int64_t now;
    while (waiting && heap[0].at_ns <= (now = clock_ns(CLOCK_MONOTONIC))) {
        struct due one = pop();
        if (connections[one.fd].generation != one.generation) continue;
        count(&late, now - one.at_ns);
        answer(one.fd);
    }
    arm();
}

static void set(int64_t *knobs, const char *text, size_t size) {
    const char *equals = memchr(text, '=', size);
    for (int k = 0; equals && k < NAMES; k++)
        if (strlen(names[k]) == (size_t)(equals - text) && !strncmp(names[k], text, equals - text)) knobs[k] = atoll(equals + 1);
    if (knobs[PER_CHUNK] < 1) knobs[PER_CHUNK] = 1;
    if (knobs[PER_CHUNK] > MOST_PER_CHUNK) knobs[PER_CHUNK] = MOST_PER_CHUNK;
}

static void say(char *into, size_t room) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double cpu_s = used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    snprintf(into, room,
             "{\"requests\": %llu, \"answers\": %llu, \"failures\": %llu, \"events\": %llu, \"broken\": %llu, \"most_connections\": %d, "
             "\"most_at_once\": %d, \"cpu_s\": %.3f, \"span_s\": %.6f, \"late_p50_us\": %lld, \"late_p99_us\": %lld, \"ttft_p50_us\": %lld, \"ttft_p99_us\": %lld, "
             "\"gap_p50_us\": %lld, \"gap_p99_us\": %lld, \"realtime\": %d}",
             (unsigned long long)requests, (unsigned long long)answers, (unsigned long long)failures, (unsigned long long)events_written,
             (unsigned long long)broken, most_open, most_active, cpu_s, (last_ns - first_ns) / 1e9, (long long)quantile_us(&late, 0.5), (long long)quantile_us(&late, 0.99),
             (long long)quantile_us(&ttft, 0.5), (long long)quantile_us(&ttft, 0.99), (long long)quantile_us(&gap, 0.5),
             (long long)quantile_us(&gap, 0.99), realtime);
}

static void answer_get(int fd, const char *path) {
    char bytes[TEXT], json[TEXT / 2] = "{\"object\":\"list\",\"data\":[{\"id\":\"exact\",\"object\":\"model\",\"created\":1700000000,\"owned_by\":\"bench\"}]}";
    if (!strncmp(path, "/stats", 6)) say(json, sizeof json);
    send_all(fd, bytes, whole(bytes, "200 OK", json));
}

/* "stream" : true, wherever it stands and whatever space is between. */
static int asks_for_stream(const char *body, size_t size) {
    static const char FIELD[] = "\"stream\"";
    const char *found = memmem(body, size, FIELD, sizeof FIELD - 1), *end = body + size;
    if (!found) return 0;
    for (found += sizeof FIELD - 1; found < end && strchr(" \t\r\n:", *found); found++) {}
    return end - found >= 4 && !strncmp(found, "true", 4);
}

static void asked(int fd, char *head, const char *body, size_t size) {
    struct connection *one = &connections[fd];
    char *end_of_line = strchr(head, '\r'), *query;
    *end_of_line = 0;
    char *target = strchr(head, ' ');
    if (!target) {
        forget(fd);
        return;
    }
    target++;
    if (!strncmp(head, "GET ", 4)) {
        answer_get(fd, target);
        return;
    }
    memcpy(one->knobs, usual, sizeof usual);
    target[strcspn(target, " ")] = 0;
    if ((query = strchr(target, '?')))
        for (char *rest = query + 1, *field; (field = strsep(&rest, "&"));) set(one->knobs, field, strlen(field));
    uint64_t number = requests++;
    if (!number) first_ns = one->arrived_ns;
    int64_t errors = one->knobs[ERRORS];
    one->doing = (number + 1) * errors / 1000 > number * errors / 1000 ? FAILS : asks_for_stream(body, size) ? STREAMS : WHOLE;
    one->token = one->written_ns = 0;
    if (++active > most_active) most_active = active;
    push(due_ns(one, one->doing == WHOLE ? all_tokens(one) - 1 : 0), fd, one->generation);
    if (one->doing == STREAMS && one->knobs[ROLE]) {
        char bytes[TEXT * 2];
        int written = sprintf(bytes, "%s", HEAD);
        written += event(bytes + written, "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"logprobs\":null,\"finish_reason\":null}", "");
        send_all(fd, bytes, written);
    }
}

/* The next whole request of what was read, if there is one. */
static void understand(int fd) {
    struct connection *one = &connections[fd];
    char *end = memmem(one->bytes, one->got, "\r\n\r\n", 4);
    if (!end) return;
    *end = 0;
    size_t head = end + 4 - one->bytes, length = 0;
    for (char *line = strchr(one->bytes, '\n'); line; line = strchr(line + 1, '\n'))
        if (!strncasecmp(line + 1, "content-length:", 15)) length = strtoull(line + 16, NULL, 10);
    size_t taken = head + length < ROOM - 1 ? head + length : ROOM - 1;
    if (one->got < taken) {
        *end = '\r';
        return;
    }
    *end = '\r';
    uint32_t generation = one->generation;
    one->skip = head + length - taken;
    char *request = one->bytes;
    asked(fd, request, request + head, taken - head);
    if (one->generation != generation) return;
    memmove(one->bytes, one->bytes + taken, one->got - taken);
    one->got -= taken;
    one->bytes[one->got] = 0;
    if (one->doing == IDLE && one->got) understand(fd);
}

static void read_from(int fd) {
    struct connection *one = &connections[fd];
    char control[CMSG_SPACE(sizeof(struct timespec))];
    struct iovec into = {one->bytes + one->got, ROOM - 1 - one->got};
    char nowhere[ROOM];
    if (one->skip) into = (struct iovec){nowhere, one->skip < sizeof nowhere ? one->skip : sizeof nowhere};
    struct msghdr message = {.msg_iov = &into, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t got = recvmsg(fd, &message, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        forget(fd);
        return;
    }
    if (one->skip) {
        one->skip -= got;
        return;
    }
    one->got += got;
    one->bytes[one->got] = 0;
    if (one->doing != IDLE) return;
    struct cmsghdr *stamp = CMSG_FIRSTHDR(&message);
    one->arrived_ns = clock_ns(CLOCK_MONOTONIC);
    if (stamp && stamp->cmsg_type == SCM_TIMESTAMPNS) {
        struct timespec at;
        memcpy(&at, CMSG_DATA(stamp), sizeof at);
        one->arrived_ns -= clock_ns(CLOCK_REALTIME) - (at.tv_sec * 1000000000LL + at.tv_nsec);
    }
    understand(fd);
}

static void accept_all(int listener) {
    int fd, yes = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (fd >= MOST_CONNECTIONS || !(connections[fd].bytes = malloc(ROOM))) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &yes, sizeof yes);
        if (++open_now > most_open) most_open = open_now;
        watch(fd);
    }
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: tokens PORT [NAME=NUMBER]...\n");
        return 2;
    }
    for (int k = 2; k < argc; k++) set(usual, argv[k], strlen(argv[k]));
    prctl(PR_SET_TIMERSLACK, 1);
    /* A neighbour on this core must not make the schedule late; who may not ask for this goes on without, and "late" says what it cost. */
    realtime = !sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &(struct sched_param){.sched_priority = 1});
    make_ready();

    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    int signals = end_signals(), listener = listen_on(atoi(argv[1]));
    watch(listener);
    watch(timer);
    watch(signals);
    for (;;) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(poller, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) accept_all(listener);
            else if (fd == signals) {
                char json[TEXT];
                say(json, sizeof json);
                puts(json);
                return 0;
            } else if (fd == timer) armed_ns = 0;
            else if (connections[fd].bytes) read_from(fd);
            /* A long batch of reads must not hold back tokens that are due meanwhile. */
            if (waiting && heap[0].at_ns <= clock_ns(CLOCK_MONOTONIC)) answer_those_due();
        }
        arm();
    }
}
