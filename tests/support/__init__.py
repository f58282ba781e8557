"""What the tests stand on: a scripted upstream, the daemon as a process, a plain HTTP caller, SSE read and written."""
