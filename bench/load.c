// A load generator for HTTP/1.1 on loopback: one thread, epoll, one JSON line of figures at the end.
//
//   load --port N --body FILE [--connections N] [--seconds S] [--requests N] [--rate PER_SECOND] [--path PATH]
//        [--header 'Name: value']... [--events N] [--ends TEXT] [--late MS] [--retry obey|MS] [--sum-header NAME]
//
//   --rate         open loop: requests start on schedule, and latency counts from the schedule, so that a stall is
//                  seen by every request it delays. Without it: closed loop, each connection asks again at once.
//   --events       an answer with any other number of events (`\n\n`) is counted as `incomplete`
//   --ends         so is one whose last 64 bytes do not hold this text
//   --late         how long after the event before it an event counts as late
//   --retry        after any answer but 2xx wait as the SDKs do (obey: Retry-After, else 0.5 s doubling to 8 s), or
//                  so many milliseconds, before the connection asks again
//   --sum-header   adds up this header's number over all answers
//
// SIGTERM ends it early: what is under way is waited for, and counts.
//
// Times in the result are microseconds.
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire.h"

enum { MAX_EVENTS = 512, HEAD_SIZE = 16384, MAX_SAMPLES = 1 << 22, MAX_ERRORS = 2000 };
enum { GRACE_SECONDS = 30, RECONNECT_US = 10000, TAIL_SIZE = 64 };
enum { OBEY = -1, NO_RETRY = 0 };

struct plan {
    int port, connections;
    double seconds, rate;
    long requests, late_us, events;
    long retry_ms;  // OBEY, NO_RETRY, or a fixed pause
    const char *path, *body, *sum_header, *ends;
    char headers[4096];
};

// Where a chunked body stands: in a size line, in data, in the line end after data, or in the trailer.
enum chunk_state { SIZE, DATA, DATA_END, TRAILER };

struct answer {
    int status;
    bool has_head, is_chunked, closes, is_complete;
    long length, received, retry_after_s;  // -1: not said
    enum chunk_state state;
    size_t chunk_left, line_length;
    long events;
    char last;  // the body byte before this read
    char tail[TAIL_SIZE];
    size_t tail_length;
};

struct caller {
    int fd;
    bool is_busy, wants_write;
    long started_us, first_byte_us, event_us;
    size_t written, head_used;
    long wake_us;  // when a retrying caller asks again; 0: not waiting
    int refusals;  // in a row
    struct answer answer;
    char head[HEAD_SIZE];
};

struct tally {
    long sent, ok, refused, errors, reconnects, incomplete, events, bytes, late, gap_max_us, header_sum, samples;
    long statuses[600];
    long *latency, *first_byte;
    char sample[300];  // the start of the first answer that was not 2xx
};

static struct plan plan = {
    .connections = 1, .seconds = 5, .requests = 1L << 60, .path = "/v1/chat/completions", .events = -1};
static struct tally tally;
static struct caller *callers, **idle;
static int idle_count, epoll;
static char *request;
static size_t request_length;
static volatile sig_atomic_t is_stopped;

// ---- a caller's connection -------------------------------------------------------------------------------------

static void open_connection(struct caller *one) {
    one->fd = connect_to(plan.port);
    one->wants_write = false;
    if (one->fd < 0) tally.errors++;
    else watch(epoll, EPOLL_CTL_ADD, one->fd, EPOLLIN, one);
}

static void reopen_connection(struct caller *one) {
    if (one->fd >= 0) close(one->fd);
    tally.reconnects++;
    open_connection(one);
}

static void ask_to_write(struct caller *one, bool wanted) {
    if (one->wants_write == wanted) return;
    one->wants_write = wanted;
    watch(epoll, EPOLL_CTL_MOD, one->fd, EPOLLIN | (wanted ? EPOLLOUT : 0), one);
}

static void write_request(struct caller *one) {
    while (one->written < request_length) {
        ssize_t sent = send(one->fd, request + one->written, request_length - one->written,
                            MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            // Any other error shows when the connection is read.
            if (errno == EAGAIN) ask_to_write(one, true);
            return;
        }
        one->written += (size_t)sent;
    }
    ask_to_write(one, false);
}

static void rest(struct caller *one) {
    one->is_busy = false;
    idle[idle_count++] = one;
}

static void start(struct caller *one, long started_us) {
    if (one->fd < 0) open_connection(one);
    if (one->fd < 0) {
        one->wake_us = started_us + RECONNECT_US;
        rest(one);
        return;
    }
    one->is_busy = true;
    one->started_us = started_us;
    one->first_byte_us = one->event_us = one->wake_us = 0;
    one->written = one->head_used = 0;
    one->answer = (struct answer){.length = -1, .retry_after_s = -1};
    tally.sent++;
    write_request(one);
}

// ---- answers ---------------------------------------------------------------------------------------------------

static long pause_us(const struct caller *one) {
    if (plan.retry_ms != OBEY) return plan.retry_ms * 1000;
    if (one->answer.retry_after_s >= 0) return one->answer.retry_after_s * 1000000;
    int doublings = one->refusals > 4 ? 4 : one->refusals - 1;
    return 500000L << doublings;
}

static void note_refusal(struct caller *one, long now) {
    tally.refused++;
    one->refusals++;
    if (plan.retry_ms != NO_RETRY) one->wake_us = now + pause_us(one);
}

static void keep_tail(struct answer *answer, const char *bytes, size_t length) {
    size_t taken = length < TAIL_SIZE ? length : TAIL_SIZE;
    size_t room = TAIL_SIZE - taken, kept = answer->tail_length < room ? answer->tail_length : room;
    memmove(answer->tail, answer->tail + answer->tail_length - kept, kept);
    memcpy(answer->tail + kept, bytes + length - taken, taken);
    answer->tail_length = kept + taken;
}

static bool is_incomplete(const struct answer *answer) {
    if (plan.events >= 0 && answer->events != plan.events) return true;
    return plan.ends && !memmem(answer->tail, answer->tail_length, plan.ends, strlen(plan.ends));
}

static void finish(struct caller *one, long now) {
    struct answer *answer = &one->answer;
    if (answer->status >= 200 && answer->status < 300) {
        tally.ok++;
        one->refusals = 0;
    } else {
        note_refusal(one, now);
    }
    if (answer->status > 0 && answer->status < 600) tally.statuses[answer->status]++;
    if (is_incomplete(answer)) tally.incomplete++;
    if (tally.samples < MAX_SAMPLES) {
        tally.latency[tally.samples] = now - one->started_us;
        tally.first_byte[tally.samples++] = (one->first_byte_us ? one->first_byte_us : now) - one->started_us;
    }
    if (answer->closes) reopen_connection(one);
    rest(one);
}

static void note_gap(struct caller *one, long now) {
    if (one->event_us) {
        long gap = now - one->event_us;
        if (gap > tally.gap_max_us) tally.gap_max_us = gap;
        if (plan.late_us && gap > plan.late_us) tally.late++;
    }
    one->event_us = now;
}

static void count_events(struct caller *one, const char *bytes, size_t length, long now) {
    struct answer *answer = &one->answer;
    const char *at = bytes, *end = bytes + length;
    long before = answer->events;
    if (answer->last == '\n' && *at == '\n') {
        answer->events++;
        at++;
    }
    while (at < end && (at = memchr(at, '\n', (size_t)(end - at)))) {
        bool is_blank_line = at + 1 < end && at[1] == '\n';
        answer->events += is_blank_line;
        at += is_blank_line ? 2 : 1;
    }
    // "\n\n" at the very end was counted: its last byte must not begin another.
    answer->last = answer->events > before && end[-1] == '\n' && (length == 1 || end[-2] == '\n') ? 0 : end[-1];
    tally.events += answer->events - before;
    if (answer->events > before) note_gap(one, now);
}

static void take_body(struct caller *one, const char *bytes, size_t length, long now) {
    if (!length) return;
    if (!one->first_byte_us) one->first_byte_us = now;
    if (one->answer.status >= 300 && !tally.sample[0])
        snprintf(tally.sample, sizeof tally.sample, "%.*s", (int)length, bytes);
    tally.bytes += (long)length;
    one->answer.received += (long)length;
    if (plan.ends) keep_tail(&one->answer, bytes, length);
    count_events(one, bytes, length, now);
}

static size_t take_chunk_data(struct caller *one, const char *bytes, size_t length, long now) {
    struct answer *answer = &one->answer;
    size_t taken = length < answer->chunk_left ? length : answer->chunk_left;
    take_body(one, bytes, taken, now);
    answer->chunk_left -= taken;
    if (!answer->chunk_left) answer->state = DATA_END;
    return taken;
}

static int hex_digit(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    digit |= 0x20;
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

// One byte outside the data of a chunk.
static void take_framing(struct answer *answer, char byte) {
    if (byte != '\n') {
        if (answer->state == SIZE && hex_digit(byte) >= 0)
            answer->chunk_left = answer->chunk_left * 16 + (size_t)hex_digit(byte);
        if (byte != '\r') answer->line_length++;
        return;
    }
    if (answer->state == SIZE) answer->state = answer->chunk_left ? DATA : TRAILER;
    else if (answer->state == DATA_END) answer->state = SIZE;
    else if (answer->line_length == 0) answer->is_complete = true;
    answer->line_length = 0;
}

static void take_chunked(struct caller *one, const char *bytes, size_t length, long now) {
    const char *end = bytes + length;
    while (bytes < end && !one->answer.is_complete) {
        if (one->answer.state == DATA) bytes += take_chunk_data(one, bytes, (size_t)(end - bytes), now);
        else take_framing(&one->answer, *bytes++);
    }
}

static void sum_header(const char *head) {
    char name[128];
    if (!plan.sum_header) return;
    snprintf(name, sizeof name, "\r\n%s:", plan.sum_header);
    const char *value = header_value(head, name);
    if (value) tally.header_sum += atol(value);
}

static void read_head(struct answer *answer, const char *head) {
    const char *length = header_value(head, "\r\ncontent-length:");
    const char *retry = header_value(head, "\r\nretry-after:");
    answer->has_head = true;
    answer->status = atoi(head + 9);
    answer->is_chunked = header_value(head, "\r\ntransfer-encoding:") != NULL;
    answer->closes = strcasestr(head, "\r\nconnection: close") != NULL;
    if (length) answer->length = atol(length);
    if (retry) answer->retry_after_s = atol(retry);
    sum_header(head);
}

// Keeps bytes until the head is whole; how many of these bytes belonged to it, or -1 while it is not.
static long take_head(struct caller *one, const char *bytes, size_t length) {
    size_t room = HEAD_SIZE - 1 - one->head_used, before = one->head_used;
    size_t kept = length < room ? length : room;
    memcpy(one->head + before, bytes, kept);
    one->head_used += kept;
    one->head[one->head_used] = '\0';
    char *end = strstr(one->head, "\r\n\r\n");
    if (!end) return -1;
    end[2] = '\0';
    read_head(&one->answer, one->head);
    return end + 4 - one->head - (long)before;
}

static void take_bytes(struct caller *one, const char *bytes, size_t length, long now) {
    struct answer *answer = &one->answer;
    if (!answer->has_head) {
        long head = take_head(one, bytes, length);
        if (head < 0) return;
        bytes += head;
        length -= (size_t)head;
    }
    if (answer->is_chunked) take_chunked(one, bytes, length, now);
    else take_body(one, bytes, length, now);
    if (!answer->is_chunked && answer->length >= 0) answer->is_complete = answer->received >= answer->length;
    if (answer->is_complete) finish(one, now);
}

static void lost(struct caller *one, long now) {
    const struct answer *answer = &one->answer;
    bool was_busy = one->is_busy;
    bool ends_by_closing = answer->has_head && answer->length < 0 && !answer->is_chunked;
    reopen_connection(one);
    if (!was_busy) return;
    one->answer.closes = false;
    if (ends_by_closing) {
        finish(one, now);
        return;
    }
    tally.errors++;
    rest(one);
}

static void handle(const struct epoll_event *event) {
    static char bytes[262144];
    struct caller *one = event->data.ptr;
    if ((event->events & EPOLLOUT) && one->is_busy) write_request(one);
    if (!(event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) || one->fd < 0) return;
    ssize_t got = recv(one->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) lost(one, now_us());
    else if (one->is_busy) take_bytes(one, bytes, (size_t)got, now_us());
}

// ---- the schedule ----------------------------------------------------------------------------------------------

struct schedule {
    long begun_us, ends_us, hard_end_us, ended_us;
    double interval_us;  // 0: closed loop
    long started;        // requests of the open loop
};

static long next_start(const struct schedule *schedule) {
    return schedule->begun_us + (long)((double)schedule->started * schedule->interval_us);
}

static void start_on_schedule(struct schedule *schedule, long now) {
    while (idle_count && tally.sent < plan.requests) {
        long due = next_start(schedule);
        if (due > now || due >= schedule->ends_us) return;
        schedule->started++;
        start(idle[--idle_count], due);
    }
}

// The idle list is walked from its end, so that it may shrink under way.
static void start_idle(long now) {
    for (int at = idle_count - 1; at >= 0 && tally.sent < plan.requests; at--) {
        struct caller *one = idle[at];
        if (one->wake_us > now) continue;
        idle[at] = idle[--idle_count];
        start(one, now);
    }
}

static bool is_open(const struct schedule *schedule, long now) {
    return now < schedule->ends_us && tally.sent < plan.requests;
}

static long wake_time(const struct schedule *schedule, long now) {
    long wake = now + 20000;
    if (schedule->interval_us > 0 && idle_count && is_open(schedule, now) && next_start(schedule) < wake)
        wake = next_start(schedule);
    return wake;
}

static void note_stop(int number) {
    (void)number;
    is_stopped = 1;
}

static void end_at(struct schedule *schedule, long us) {
    schedule->ends_us = us;
    schedule->hard_end_us = us + GRACE_SECONDS * 1000000L;
}

static void run(struct schedule *schedule) {
    static struct epoll_event events[MAX_EVENTS];
    for (long now = now_us(); now < schedule->hard_end_us && tally.errors < MAX_ERRORS; now = now_us()) {
        if (is_stopped && now < schedule->ends_us) end_at(schedule, now);
        if (is_open(schedule, now)) {
            if (schedule->interval_us > 0) start_on_schedule(schedule, now);
            else start_idle(now);
        } else if (idle_count == plan.connections) {
            break;
        }
        int count = wait_until(epoll, events, MAX_EVENTS, wake_time(schedule, now));
        for (int i = 0; i < count; i++) handle(&events[i]);
    }
    schedule->ended_us = now_us();
}

// ---- the result ------------------------------------------------------------------------------------------------

static int ascending(const void *left, const void *right) {
    long a = *(const long *)left, b = *(const long *)right;
    return (a > b) - (a < b);
}

static long quantile(const long *sorted, double share) {
    return tally.samples ? sorted[(long)(share * (double)(tally.samples - 1) + 0.5)] : 0;
}

static double own_cpu(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void print_statuses(void) {
    const char *comma = "";
    printf("\"statuses\":{");
    for (int status = 0; status < 600; status++) {
        if (!tally.statuses[status]) continue;
        printf("%s\"%d\":%ld", comma, status, tally.statuses[status]);
        comma = ",";
    }
    printf("},");
}

static void print_sample(void) {
    for (char *at = tally.sample; *at; at++)
        if (*at == '"' || *at == '\\' || *at < ' ') *at = ' ';
    printf("\"sample\":\"%s\"}\n", tally.sample);
}

static void print_result(double seconds) {
    qsort(tally.latency, (size_t)tally.samples, sizeof(long), ascending);
    qsort(tally.first_byte, (size_t)tally.samples, sizeof(long), ascending);
    printf("{\"seconds\":%.4f,\"sent\":%ld,\"ok\":%ld,\"refused\":%ld,\"errors\":%ld,\"reconnects\":%ld,"
           "\"incomplete\":%ld,\"unfinished\":%d,", seconds, tally.sent, tally.ok, tally.refused, tally.errors,
           tally.reconnects, tally.incomplete, plan.connections - idle_count);
    printf("\"events\":%ld,\"bytes\":%ld,\"late\":%ld,\"gap_max\":%ld,\"header_sum\":%ld,", tally.events, tally.bytes,
           tally.late, tally.gap_max_us, tally.header_sum);
    printf("\"p50\":%ld,\"p90\":%ld,\"p99\":%ld,\"max\":%ld,", quantile(tally.latency, .5),
           quantile(tally.latency, .9), quantile(tally.latency, .99), quantile(tally.latency, 1));
    printf("\"first_byte_p50\":%ld,\"first_byte_p99\":%ld,\"own_cpu\":%.4f,", quantile(tally.first_byte, .5),
           quantile(tally.first_byte, .99), own_cpu());
    print_statuses();
    print_sample();
}

// ---- the command line ------------------------------------------------------------------------------------------

static void build_request(void) {
    FILE *file = plan.body ? fopen(plan.body, "rb") : NULL;
    if (!file) die("load: cannot read the body file %s", plan.body ? plan.body : "(--body is missing)");
    fseek(file, 0, SEEK_END);
    size_t length = (size_t)ftell(file);
    rewind(file);
    request = malloc(length + 8192);
    int head = snprintf(request, 8192,
        "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\nAccept: application/json\r\n"
        "User-Agent: OpenAI/Python 1.99\r\n%sContent-Length: %zu\r\n\r\n", plan.path, plan.port, plan.headers, length);
    if (head < 0 || head >= 8192) die("load: the head is too long");
    if (fread(request + head, 1, length, file) != length) die("load: cannot read %s", plan.body);
    fclose(file);
    request_length = (size_t)head + length;
}

static void add_header(const char *header) {
    size_t used = strlen(plan.headers);
    if (used + strlen(header) + 3 > sizeof plan.headers) die("load: too many headers");
    sprintf(plan.headers + used, "%s\r\n", header);
}

static void parse_arguments(int count, char **arguments) {
    static const struct option options[] = {
        {"port", 1, 0, 'p'}, {"connections", 1, 0, 'c'}, {"seconds", 1, 0, 's'}, {"requests", 1, 0, 'n'},
        {"rate", 1, 0, 'r'}, {"body", 1, 0, 'b'}, {"path", 1, 0, 'u'}, {"header", 1, 0, 'H'}, {"events", 1, 0, 'e'},
        {"late", 1, 0, 'l'}, {"retry", 1, 0, 'R'}, {"sum-header", 1, 0, 'S'}, {"ends", 1, 0, 'E'},
        {0, 0, 0, 0}};
    for (int option; (option = getopt_long(count, arguments, "", options, NULL)) != -1;) switch (option) {
        case 'p': plan.port = atoi(optarg); break;
        case 'c': plan.connections = atoi(optarg); break;
        case 's': plan.seconds = atof(optarg); break;
        case 'n': plan.requests = atol(optarg); break;
        case 'r': plan.rate = atof(optarg); break;
        case 'b': plan.body = optarg; break;
        case 'u': plan.path = optarg; break;
        case 'H': add_header(optarg); break;
        case 'e': plan.events = atol(optarg); break;
        case 'E': plan.ends = optarg; break;
        case 'l': plan.late_us = atol(optarg) * 1000; break;
        case 'R': plan.retry_ms = strcmp(optarg, "obey") ? atol(optarg) : OBEY; break;
        case 'S': plan.sum_header = optarg; break;
        default: exit(2);
    }
    if (!plan.port || plan.connections < 1) die("load: --port and at least one connection, please");
}

static void make_callers(void) {
    callers = calloc((size_t)plan.connections, sizeof *callers);
    idle = calloc((size_t)plan.connections, sizeof *idle);
    tally.latency = malloc(MAX_SAMPLES * sizeof(long));
    tally.first_byte = malloc(MAX_SAMPLES * sizeof(long));
    for (int i = 0; i < plan.connections; i++) {
        open_connection(&callers[i]);
        if (callers[i].fd < 0) die("load: cannot connect to port %d", plan.port);
        idle[idle_count++] = &callers[i];
    }
}

int main(int count, char **arguments) {
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, note_stop);
    parse_arguments(count, arguments);
    build_request();
    epoll = epoll_create1(0);
    make_callers();
    struct schedule schedule = {.begun_us = now_us(), .interval_us = plan.rate > 0 ? 1e6 / plan.rate : 0};
    end_at(&schedule, schedule.begun_us + (long)(plan.seconds * 1e6));
    run(&schedule);
    print_result((double)(schedule.ended_us - schedule.begun_us) / 1e6);
    return 0;
}
