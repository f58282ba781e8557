// What mock and load share: a clock, loopback sockets, and a look into HTTP heads.
#ifndef WIRE_H
#define WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Monotonic time in microseconds.
long now_us(void);

// A non-blocking listening socket on 127.0.0.1, or -1.
int listen_on(int port);

// Bound but not listening: the port is ours, and every connect to it is refused. -1 on failure.
int refuse_on(int port);

// A connected socket to 127.0.0.1, or -1.
int connect_to(int port);

void set_nodelay(int fd);

// epoll_ctl with `owner` as the event's pointer.
void watch(int epoll, int operation, int fd, uint32_t events, void *owner);

// Waits until an event or until `wake_us` (now_us() time; negative: for ever); the number of events.
int wait_until(int epoll, struct epoll_event *events, int most, long wake_us);

// The value of header `name` (as "\r\nname:") in a NUL-terminated head, or NULL.
const char *header_value(const char *head, const char *name);

// Prints the message and ends the program.
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
