// A mock of an upstream that speaks OpenAI's chat completions or Anthropic's Messages: one thread, epoll, as little
// work per request as can be, so that it is never what a benchmark measures.
//
//   mock [--certificate FILE --key FILE] PORT[,OPTION...] ...
//
//   delay=US         microseconds between two events of a stream (0: all at once)
//   events=N         writes of a stream, one event each, `[DONE]` and the usage chunk included (202). Of Anthropic's
//                    the first holds three events, and of a tool call the first four and the last but two two
//   dialect=NAME     openai (as it is unless told otherwise) or anthropic
//   tools            streams call a tool instead of saying text
//   status=CODE      answer every POST with this error
//   retry-after=S    seconds to put into that error
//   refuse           hold the port, refuse every connection
//   tls              speak TLS
//
// POST of anything: a whole reply of 1.1 kB (always text), or a stream when the body says `"stream": true`; OpenAI's
// usage chunk only when the body says `include_usage`. GET /stats: what each port was asked, as JSON. Any other GET: a
// models list. Loopback only.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire.h"

#ifdef WITH_TLS
#include <openssl/ssl.h>
static SSL_CTX *tls_context;
#else
typedef void SSL;
#endif

enum { MAX_LISTENERS = 32, MAX_EVENTS = 512, VARIANTS = 16, READ_SIZE = 65536 };

struct text {
    char bytes[4096];
    size_t length;
};

// The writes of a stream: `middle` over and over between the first and the last three.
struct script {
    struct text opening, middle[VARIANTS], finish, usage, done;
};

// What a port speaks: whole replies and both kinds of streams.
struct dialect {
    const char *name;
    bool always_tells_usage;
    struct text whole;
    struct script text, tools;
};

enum kind { LISTENER, CONNECTION };  // first member of both, so that an epoll event can tell them apart

struct connection;

struct listener {
    enum kind kind;
    int fd, port;
    long delay_us;
    int events, status, retry_after;
    bool refuses, tls, calls_tools;
    const struct dialect *dialect;
    const struct script *script;
    struct text error;
    // Every stream of a port has the same delay, so a plain queue is sorted by due time.
    struct connection *first, *last;
    long requests, streams, finished, cut;
};

struct connection {
    enum kind kind;
    int fd;
    SSL *tls;
    struct listener *from;
    char *input;
    size_t used, capacity;
    size_t chunk_at;     // where the next chunk of a chunked body begins; 0: not begun
    const char *output;  // never freed: all texts are static
    size_t output_left;
    int step;  // the next event of the stream; -1: no stream
    bool with_usage, wants_write, is_gone, is_queued;
    long due_us;
    struct connection *earlier, *later, *next_gone;
};

static struct listener listeners[MAX_LISTENERS];
static int listener_count, epoll;
static struct connection *graveyard;  // freed after the batch of events that may still name them
static struct text models, stats;
static struct dialect openai = {.name = "openai"}, anthropic = {.name = "anthropic", .always_tells_usage = true};

// ---- texts -----------------------------------------------------------------------------------------------------

#define STREAM_HEAD \
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n" \
    "x-request-id: req_mock_1\r\nTransfer-Encoding: chunked\r\n\r\n"
static void add(struct text *text, const char *bytes) {
    size_t length = strlen(bytes);
    memcpy(text->bytes + text->length, bytes, length + 1);
    text->length += length;
}

static void add_chunk(struct text *text, const char *bytes) {
    char size[32];
    snprintf(size, sizeof size, "%zx\r\n", strlen(bytes));
    add(text, size);
    add(text, bytes);
    add(text, "\r\n");
}

static void set_reply(struct text *text, const char *status, const char *headers, const char *body) {
    text->length = (size_t)snprintf(text->bytes, sizeof text->bytes,
        "HTTP/1.1 %s\r\nContent-Type: application/json\r\nx-request-id: req_mock_1\r\n%sContent-Length: %zu\r\n\r\n%s",
        status, headers, strlen(body), body);
}

// One chunk for each write of the middle; `format` has a place for two letters.
static void add_middle(struct script *script, const char *format) {
    for (int i = 0; i < VARIANTS; i++) {
        char event[512];
        snprintf(event, sizeof event, format, 'a' + i, 'b' + i);
        add_chunk(&script->middle[i], event);
    }
}

static void add_end(struct script *script, const char *usage, const char *done) {
    add_chunk(&script->usage, usage);
    add_chunk(&script->done, done);
    add(&script->done, "0\r\n\r\n");
}

static const char *words(void) {
    static char said[800];
    if (!said[0])
        for (int i = 0; i < 60; i++) strcat(said, "lorem word ");
    return said;
}

// ---- OpenAI's texts --------------------------------------------------------------------------------------------

#define CHUNK \
    "data: {\"id\":\"chatcmpl-abc123def456ghi789\",\"object\":\"chat.completion.chunk\",\"created\":1700000000," \
    "\"model\":\"mock-model\","
#define DELTA CHUNK \
    "\"service_tier\":\"default\",\"system_fingerprint\":\"fp_mock\",\"choices\":[{\"index\":0,\"delta\":"
#define GOES_ON ",\"logprobs\":null,\"finish_reason\":null}]}\n\n"
#define ENDS(reason) ",\"logprobs\":null,\"finish_reason\":\"" reason "\"}]}\n\n"
#define ARGUMENTS(piece) "{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"" piece "\"}}]}"

#define USAGE_CHUNK \
    CHUNK "\"choices\":[],\"usage\":{\"prompt_tokens\":19,\"completion_tokens\":200,\"total_tokens\":219}}\n\n"

static void make_openai_whole(void) {
    char body[2048];
    snprintf(body, sizeof body,
        "{\"id\":\"chatcmpl-abc123def456ghi789\",\"object\":\"chat.completion\",\"created\":1700000000,"
        "\"model\":\"mock-model\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"%s\","
        "\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":19,"
        "\"completion_tokens\":120,\"total_tokens\":139,\"prompt_tokens_details\":{\"cached_tokens\":0},"
        "\"completion_tokens_details\":{\"reasoning_tokens\":0}},\"service_tier\":\"default\","
        "\"system_fingerprint\":\"fp_mock\"}", words());
    set_reply(&openai.whole, "200 OK", "", body);
}

static void make_openai_streams(void) {
    struct script *text = &openai.text, *tools = &openai.tools;
    add(&text->opening, STREAM_HEAD);
    add_chunk(&text->opening, DELTA "{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}" GOES_ON);
    add_middle(text, DELTA "{\"content\":\" tok%c%c\"}" GOES_ON);
    add_chunk(&text->finish, DELTA "{}" ENDS("stop"));
    add_end(text, USAGE_CHUNK, "data: [DONE]\n\n");
    add(&tools->opening, STREAM_HEAD);
    add_chunk(&tools->opening, DELTA "{\"role\":\"assistant\",\"content\":null,\"refusal\":null,\"tool_calls\":[{"
              "\"index\":0,\"id\":\"call_abc123def456\",\"type\":\"function\",\"function\":{"
              "\"name\":\"write_file\",\"arguments\":\"{\\\"content\\\":\\\"\"}}]}" GOES_ON);
    add_middle(tools, DELTA ARGUMENTS(" tok%c%c") GOES_ON);
    add_chunk(&tools->finish, DELTA ARGUMENTS("\\\"}") ENDS("tool_calls"));
    add_end(tools, USAGE_CHUNK, "data: [DONE]\n\n");
}

// ---- Anthropic's texts -----------------------------------------------------------------------------------------

#define NAMED(name, rest) "event: " name "\ndata: {\"type\":\"" name "\"" rest "}\n\n"
#define MESSAGE \
    "\"id\":\"msg_abc123def456ghi789jkl012\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"mock-model\","
#define BLOCK_STARTS(block) \
    NAMED("message_start", ",\"message\":{" MESSAGE "\"content\":[],\"stop_reason\":null,\"stop_sequence\":null," \
          "\"usage\":{\"input_tokens\":19,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0," \
          "\"output_tokens\":1}}") \
    NAMED("content_block_start", ",\"index\":0,\"content_block\":" block) NAMED("ping", "")
#define BLOCK_GROWS(delta) NAMED("content_block_delta", ",\"index\":0,\"delta\":{\"type\":" delta "}")
#define INPUT(piece) BLOCK_GROWS("\"input_json_delta\",\"partial_json\":\"" piece "\"")
#define BLOCK_STOPS NAMED("content_block_stop", ",\"index\":0")
#define MESSAGE_ENDS(reason) \
    NAMED("message_delta", ",\"delta\":{\"stop_reason\":\"" reason "\",\"stop_sequence\":null}," \
          "\"usage\":{\"input_tokens\":19,\"output_tokens\":200}")

static void make_anthropic_whole(void) {
    char body[2048];
    snprintf(body, sizeof body,
        "{" MESSAGE "\"content\":[{\"type\":\"text\",\"text\":\"%s\"}],\"stop_reason\":\"end_turn\","
        "\"stop_sequence\":null,\"usage\":{\"input_tokens\":19,\"cache_creation_input_tokens\":0,"
        "\"cache_read_input_tokens\":0,\"output_tokens\":120}}", words());
    set_reply(&anthropic.whole, "200 OK", "", body);
}

static void make_anthropic_streams(void) {
    struct script *text = &anthropic.text, *tools = &anthropic.tools;
    add(&text->opening, STREAM_HEAD);
    add_chunk(&text->opening, BLOCK_STARTS("{\"type\":\"text\",\"text\":\"\"}"));
    add_middle(text, BLOCK_GROWS("\"text_delta\",\"text\":\" tok%c%c\""));
    add_chunk(&text->finish, BLOCK_STOPS);
    add_end(text, MESSAGE_ENDS("end_turn"), NAMED("message_stop", ""));
    add(&tools->opening, STREAM_HEAD);
    add_chunk(&tools->opening, BLOCK_STARTS("{\"type\":\"tool_use\",\"id\":\"toolu_abc123def456\","
              "\"name\":\"write_file\",\"input\":{}}") INPUT("{\\\"content\\\":\\\""));
    add_middle(tools, INPUT(" tok%c%c"));
    add_chunk(&tools->finish, INPUT("\\\"}") BLOCK_STOPS);
    add_end(tools, MESSAGE_ENDS("tool_use"), NAMED("message_stop", ""));
}

// ---- other texts -----------------------------------------------------------------------------------------------

static void make_error(struct listener *at) {
    char status[32], headers[64] = "";
    snprintf(status, sizeof status, "%d Refused", at->status);
    if (at->retry_after) snprintf(headers, sizeof headers, "Retry-After: %d\r\n", at->retry_after);
    set_reply(&at->error, status, headers,
              "{\"error\":{\"message\":\"mock says no\",\"type\":\"mock_error\",\"param\":null,\"code\":\"mock\"}}");
}

static void make_stats(void) {
    char body[3500] = "{";
    size_t used = 1;
    for (struct listener *at = listeners; at < listeners + listener_count; at++)
        used += (size_t)snprintf(body + used, sizeof body - used,
            "%s\"%d\":{\"requests\":%ld,\"streams\":%ld,\"finished\":%ld,\"cut\":%ld}", at == listeners ? "" : ",",
            at->port, at->requests, at->streams, at->finished, at->cut);
    snprintf(body + used, sizeof body - used, "}");
    set_reply(&stats, "200 OK", "", body);
}

static void make_texts(void) {
    make_openai_whole();
    make_openai_streams();
    make_anthropic_whole();
    make_anthropic_streams();
    set_reply(&models, "200 OK", "", "{\"object\":\"list\",\"data\":[{\"id\":\"mock-model\",\"object\":\"model\","
              "\"created\":1700000000,\"owned_by\":\"mock\",\"max_model_len\":2000000}]}");
}

// ---- the pace queue --------------------------------------------------------------------------------------------

static void enqueue(struct connection *one) {
    struct listener *at = one->from;
    one->due_us = now_us() + at->delay_us;
    one->is_queued = true;
    one->later = NULL;
    one->earlier = at->last;
    if (at->last) at->last->later = one;
    else at->first = one;
    at->last = one;
}

static void dequeue(struct connection *one) {
    struct listener *at = one->from;
    if (one->earlier) one->earlier->later = one->later;
    else at->first = one->later;
    if (one->later) one->later->earlier = one->earlier;
    else at->last = one->earlier;
    one->is_queued = false;
}

static long next_due(void) {
    long soonest = -1;
    for (struct listener *at = listeners; at < listeners + listener_count; at++)
        if (at->first && (soonest < 0 || at->first->due_us < soonest)) soonest = at->first->due_us;
    return soonest;
}

// ---- connections -----------------------------------------------------------------------------------------------

static void hang_up(struct connection *one) {
    if (one->is_gone) return;
    one->is_gone = true;
    if (one->step >= 0) one->from->cut++;
    if (one->is_queued) dequeue(one);
#ifdef WITH_TLS
    SSL_free(one->tls);
#endif
    close(one->fd);
    one->next_gone = graveyard;
    graveyard = one;
}

static void bury(void) {
    while (graveyard) {
        struct connection *one = graveyard;
        graveyard = one->next_gone;
        free(one->input);
        free(one);
    }
}

#ifdef WITH_TLS
// As send and recv: a count, 0 at the end, or -1 with errno EAGAIN to come again.
static ssize_t tls_result(struct connection *one, int result) {
    if (result > 0) return result;
    int reason = SSL_get_error(one->tls, result);
    errno = reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE ? EAGAIN : EIO;
    return reason == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

static SSL *tls_session(int fd) {
    SSL *session = SSL_new(tls_context);
    SSL_set_fd(session, fd);
    SSL_set_accept_state(session);
    return session;
}
#endif

static ssize_t put(struct connection *one, const char *bytes, size_t length) {
#ifdef WITH_TLS
    if (one->tls) return tls_result(one, SSL_write(one->tls, bytes, (int)length));
#endif
    return send(one->fd, bytes, length, MSG_NOSIGNAL);
}

static ssize_t take(struct connection *one, char *into, size_t room) {
#ifdef WITH_TLS
    if (one->tls) return tls_result(one, SSL_read(one->tls, into, (int)room));
#endif
    return recv(one->fd, into, room, 0);
}

static void ask_to_write(struct connection *one, bool wanted) {
    if (one->wants_write == wanted) return;
    one->wants_write = wanted;
    watch(epoll, EPOLL_CTL_MOD, one->fd, EPOLLIN | (wanted ? EPOLLOUT : 0), one);
}

// True when nothing is left to write. A failed write hangs up.
static bool flush(struct connection *one) {
    while (one->output_left) {
        ssize_t sent = put(one, one->output, one->output_left);
        if (sent <= 0) {
            if (sent < 0 && errno == EAGAIN) ask_to_write(one, true);
            else hang_up(one);
            return false;
        }
        one->output += sent;
        one->output_left -= (size_t)sent;
    }
    ask_to_write(one, false);
    return true;
}

static bool say(struct connection *one, const struct text *text) {
    one->output = text->bytes;
    one->output_left = text->length;
    return flush(one);
}

// ---- streams ---------------------------------------------------------------------------------------------------

static const struct text *event_at(const struct connection *one, int step) {
    const struct script *script = one->from->script;
    int last = one->from->events - 1;
    if (step == 0) return &script->opening;
    if (step == last) return &script->done;
    if (step == last - 1) return &script->usage;
    return step == last - 2 ? &script->finish : &script->middle[step % VARIANTS];
}

// `[DONE]` or `message_stop` follows at once, as providers send it.
static bool pauses_before(const struct connection *one, int step) {
    return one->from->delay_us > 0 && step > 0 && step < one->from->events - 1;
}

static void end_stream(struct connection *one) {
    one->step = -1;
    one->from->finished++;
}

// Writes events until one has to wait; true when the stream has ended.
static bool play(struct connection *one) {
    int last = one->from->events - 1;
    while (one->step <= last) {
        int step = one->step++;
        if (!say(one, event_at(one, step))) return false;
        if (one->step == last - 1 && !one->with_usage) one->step++;
        if (pauses_before(one, one->step)) {
            enqueue(one);
            return false;
        }
    }
    end_stream(one);
    return true;
}

// ---- requests --------------------------------------------------------------------------------------------------

static bool says_stream(const char *bytes, size_t length) {
    const char *end = bytes + length, *at = bytes;
    while ((at = memmem(at, (size_t)(end - at), "\"stream\"", 8))) {
        at += 8;
        while (at < end && (*at == ' ' || *at == ':')) at++;
        if (end - at >= 4 && memcmp(at, "true", 4) == 0) return true;
    }
    return false;
}

// Options stand at either end of a body; a megabyte of messages in between is not searched.
static bool near_ends(const char *body, size_t length, bool (*says)(const char *, size_t)) {
    if (length < 8192) return says(body, length);
    return says(body, 4096) || says(body + length - 4096, 4096);
}

static bool says_usage(const char *bytes, size_t length) {
    return memmem(bytes, length, "\"include_usage\"", 15) != NULL;
}

// The whole length of a chunked request whose head has `head` bytes, or 0 while it is incomplete.
static size_t chunked_length(struct connection *one, size_t head) {
    if (!one->chunk_at) one->chunk_at = head;
    for (;;) {
        char *at = one->input + one->chunk_at;
        char *line = memmem(at, one->used - one->chunk_at, "\r\n", 2);
        if (!line) return 0;
        size_t size = strtoul(at, NULL, 16), next = (size_t)(line - one->input) + 2 + size + 2;
        if (next > one->used) return 0;
        one->chunk_at = next;
        if (size == 0) return next;
    }
}

// The whole length of the first request in the input, or 0 while it is incomplete.
static size_t request_length(struct connection *one, size_t head) {
    char kept = one->input[head - 1];
    one->input[head - 1] = '\0';
    const char *length = header_value(one->input, "\r\ncontent-length:");
    bool is_chunked = header_value(one->input, "\r\ntransfer-encoding:") != NULL;
    size_t total = head + (length ? strtoul(length, NULL, 10) : 0);
    one->input[head - 1] = kept;
    if (is_chunked) return chunked_length(one, head);
    return total <= one->used ? total : 0;
}

static void answer_get(struct connection *one) {
    bool asks_stats = memcmp(one->input, "GET /stats ", 11) == 0;
    if (asks_stats) make_stats();
    say(one, asks_stats ? &stats : &models);
}

static void begin_stream(struct connection *one, const char *body, size_t length) {
    one->step = 0;
    one->with_usage = one->from->dialect->always_tells_usage || near_ends(body, length, says_usage);
    one->from->streams++;
}

static void answer_post(struct connection *one, const char *body, size_t length) {
    one->from->requests++;
    if (one->from->status != 200) say(one, &one->from->error);
    else if (near_ends(body, length, says_stream)) begin_stream(one, body, length);
    else say(one, &one->from->dialect->whole);
}

// Answers the requests in the input, one after the other, until one is incomplete or is a stream.
static void serve(struct connection *one) {
    while (one->used && !one->is_gone && one->step < 0 && !one->output_left) {
        char *end = memmem(one->input, one->used, "\r\n\r\n", 4);
        if (!end) return;
        size_t head = (size_t)(end - one->input) + 4, total = request_length(one, head);
        if (!total) return;
        one->chunk_at = 0;
        if (one->input[0] == 'G') answer_get(one);
        else answer_post(one, one->input + head, total - head);
        one->used -= total;
        memmove(one->input, one->input + total, one->used);
        if (one->step == 0) play(one);
    }
}

// ---- the loop --------------------------------------------------------------------------------------------------

static void make_room(struct connection *one) {
    if (one->capacity - one->used > READ_SIZE) return;
    one->capacity = one->capacity * 2 + READ_SIZE;
    one->input = realloc(one->input, one->capacity + 1);
    if (!one->input) die("mock: out of memory");
}

static void readable(struct connection *one) {
    for (;;) {
        make_room(one);
        ssize_t got = take(one, one->input + one->used, READ_SIZE);
        if (got <= 0) {
            if (got == 0 || errno != EAGAIN) hang_up(one);
            break;
        }
        one->used += (size_t)got;
        if (!one->tls && got < READ_SIZE) break;
    }
    if (!one->is_gone) serve(one);
}

static void writable(struct connection *one) {
    if (!flush(one)) return;
    if (one->step >= 0 && !one->is_queued && !play(one)) return;
    if (!one->is_gone) serve(one);
}

static void accept_all(struct listener *at) {
    for (;;) {
        int fd = accept4(at->fd, NULL, NULL, SOCK_NONBLOCK);
        if (fd < 0) return;
        set_nodelay(fd);
        struct connection *one = calloc(1, sizeof *one);
        one->kind = CONNECTION;
        one->fd = fd;
        one->from = at;
        one->step = -1;
#ifdef WITH_TLS
        if (at->tls) one->tls = tls_session(fd);
#endif
        watch(epoll, EPOLL_CTL_ADD, fd, EPOLLIN, one);
    }
}

static void handle(struct epoll_event *event) {
    if (*(enum kind *)event->data.ptr == LISTENER) {
        accept_all(event->data.ptr);
        return;
    }
    struct connection *one = event->data.ptr;
    if (!one->is_gone && (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR))) readable(one);
    if (!one->is_gone && (event->events & EPOLLOUT) && one->wants_write) writable(one);
}

static void play_due(void) {
    long now = now_us();
    for (struct listener *at = listeners; at < listeners + listener_count; at++)
        while (at->first && at->first->due_us <= now) {
            struct connection *one = at->first;
            dequeue(one);
            if (play(one)) serve(one);
        }
}

static void run(void) {
    static struct epoll_event events[MAX_EVENTS];
    for (;;) {
        int count = wait_until(epoll, events, MAX_EVENTS, next_due());
        for (int i = 0; i < count; i++) handle(&events[i]);
        play_due();
        bury();
    }
}

// ---- the command line ------------------------------------------------------------------------------------------

static long number_of(const char *option) {
    const char *value = strchr(option, '=');
    return value ? atol(value + 1) : 0;
}

static bool is_option(const char *option, const char *name) {
    size_t length = strlen(name);
    return strncmp(option, name, length) == 0 && (option[length] == '=' || option[length] == '\0');
}

static const struct dialect *dialect_of(const char *option) {
    const char *name = strchr(option, '=');
    if (name && strcmp(name + 1, openai.name) == 0) return &openai;
    if (name && strcmp(name + 1, anthropic.name) == 0) return &anthropic;
    die("mock: unknown dialect: %s", option);
}

static void set_option(struct listener *at, const char *option) {
    if (is_option(option, "delay")) at->delay_us = number_of(option);
    else if (is_option(option, "events")) at->events = (int)number_of(option);
    else if (is_option(option, "status")) at->status = (int)number_of(option);
    else if (is_option(option, "retry-after")) at->retry_after = (int)number_of(option);
    else if (is_option(option, "dialect")) at->dialect = dialect_of(option);
    else if (is_option(option, "tools")) at->calls_tools = true;
    else if (is_option(option, "refuse")) at->refuses = true;
    else if (is_option(option, "tls")) at->tls = true;
    else die("mock: unknown option %s", option);
}

static void open_listener(char *argument) {
    if (listener_count == MAX_LISTENERS) die("mock: more than %d ports", MAX_LISTENERS);
    struct listener *at = &listeners[listener_count++];
    *at = (struct listener){.kind = LISTENER, .events = 202, .status = 200, .dialect = &openai};
    at->port = atoi(strtok(argument, ","));
    for (char *option; (option = strtok(NULL, ","));) set_option(at, option);
    if (at->events < 4) die("mock: a stream has at least 4 events");
    at->script = at->calls_tools ? &at->dialect->tools : &at->dialect->text;
    make_error(at);
    at->fd = at->refuses ? refuse_on(at->port) : listen_on(at->port);
    if (at->fd < 0) die("mock: port %d: %s", at->port, strerror(errno));
    if (!at->refuses) watch(epoll, EPOLL_CTL_ADD, at->fd, EPOLLIN, at);
}

static void load_certificate(const char *certificate, const char *key) {
#ifdef WITH_TLS
    tls_context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_mode(tls_context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (SSL_CTX_use_certificate_file(tls_context, certificate, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls_context, key, SSL_FILETYPE_PEM) != 1)
        die("mock: cannot read %s or %s", certificate, key);
#else
    die("mock: built without TLS, so %s and %s are of no use", certificate, key);
#endif
}

int main(int count, char **arguments) {
    int at = 1;
    signal(SIGPIPE, SIG_IGN);
    make_texts();
    epoll = epoll_create1(0);
    if (count > 5 && strcmp(arguments[1], "--certificate") == 0) {
        load_certificate(arguments[2], arguments[4]);
        at = 5;
    }
    for (; at < count; at++) open_listener(arguments[at]);
    if (!listener_count) die("usage: mock [--certificate FILE --key FILE] PORT[,OPTION...] ...");
    run();
}
