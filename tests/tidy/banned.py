"""Outside src/base nothing touches the clock, the random device, files, sockets or threads: the simulator could not stand in for them."""

import re

_HEADERS = {
    "a file": ["fstream", "filesystem", "fcntl.h", "sys/stat.h", "sys/mman.h", "sys/uio.h", "sys/file.h", "sys/sendfile.h", "dirent.h"],
    "a socket": ["sys/socket.h", "sys/epoll.h", "netinet/in.h", "netinet/tcp.h", "arpa/inet.h", "netdb.h", "poll.h"],
    "a thread": ["thread", "mutex", "shared_mutex", "condition_variable", "future", "pthread.h", "semaphore", "barrier", "latch"],
    "the random device": ["sys/random.h"],
    "the clock": ["sys/time.h", "sys/timerfd.h"],
}

# A name called as a function: unqualified, of std:: or of the global namespace.
_CALLS = {
    "the clock": ["time", "gettimeofday", "clock_gettime", "timespec_get"],
    "the random device": ["rand", "srand", "random_r", "drand48", "getrandom", "getentropy", "arc4random"],
    "a file": ["fopen", "freopen", "fdopen", "tmpfile", "openat", "creat", "unlink", "mkstemp", "mkdir", "rmdir", "fsync", "fdatasync",
               "ftruncate", "pread", "pwrite", "preadv", "pwritev", "opendir", "sendfile", "mmap"],
    "a socket": ["socket", "accept4", "recvmsg", "sendmsg", "getaddrinfo", "epoll_create1", "epoll_wait", "setsockopt"],
    "a thread": ["sleep", "usleep", "nanosleep", "pthread_create", "fork"],
}
# Words that are also good names of ours: only as ::open(...).
_GLOBAL_CALLS = {"a file": ["open", "read", "write", "close", "stat", "rename", "remove"], "a socket": ["connect", "bind", "listen",
                 "accept", "send", "recv", "poll"]}
_NAMES = {
    "the clock": [r"(system|steady|high_resolution|utc|file)_clock\s*::\s*now"],
    "the random device": [r"std::random_device"],
    "a file": [r"std::[io]?fstream", r"std::filesystem"],
    "a thread": [r"std::j?thread", r"std::async", r"this_thread\s*::", r"std::(shared_|recursive_|timed_)*mutex",
                 r"std::condition_variable(_any)?"],
}


_BEFORE_A_CALL = ("return", "co_return", "co_await", "co_yield", "else", "do", "case", "throw", "not")


def _any_of(names):
    return re.compile(rf"(?:{'|'.join(names)})")


def _called(names):
    return re.compile(rf"\b(?:{'|'.join(names)})\s*\((?!\s*\))")


_INCLUDES = [(what, re.compile(rf"^[ \t]*#[ \t]*include[ \t]*<(?:{'|'.join(map(re.escape, names))})>", re.MULTILINE))
             for what, names in _HEADERS.items()]
_USES = [(what, _any_of(names)) for what, names in _NAMES.items()]
_PLAIN_CALLS = [(what, _called(names)) for what, names in _CALLS.items()]
_QUALIFIED_CALLS = [(what, _called(names)) for what, names in _GLOBAL_CALLS.items()]


def _is_global(before):
    """Whether what stands before a name ends in the :: of the global namespace."""
    return before.endswith("::") and not re.search(r"[\w>]\s*::$", before)


def _is_call(before):
    """Whether a name after `before` is called there, and is the C library's: no member, no declaration, no function of ours."""
    if before.endswith("::"):
        return _is_global(before) or re.search(r"\bstd\s*::$", before) is not None
    word = re.search(r"\w+$", before)
    if word:
        return word.group(0) in _BEFORE_A_CALL
    # After a single & * or > stands a declared name; a . or -> makes it a member.
    return before.endswith("&&") or not before.endswith((".", ">", "&", "*", "~"))


def _matches(code):
    for what, pattern in _INCLUDES + _USES:
        for match in pattern.finditer(code):
            yield what, match
    for what, pattern in _PLAIN_CALLS:
        for match in pattern.finditer(code):
            if _is_call(code[max(0, match.start() - 200):match.start()].rstrip()):
                yield what, match
    for what, pattern in _QUALIFIED_CALLS:
        for match in pattern.finditer(code):
            if _is_global(code[max(0, match.start() - 200):match.start()].rstrip()):
                yield what, match


def check(source):
    if not source.is_cpp or source.folder in ("", "base"):
        return []
    return [source.finding(source.line_of(match.start()), f"`{match.group(0).strip(' (')}` touches {what} past the seams of src/base")
            for what, match in _matches(source.code)]
