/* Preloaded into a hub: lets calls on its log's files fail, and moves its clock, as a small shared file says.
 *
 * The file is named by CHAOS_CONTROL and holds a struct control, written by shim.py. A log's files are those whose
 * names begin with "callboard.sqlite".
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct control {
    int32_t syncs, writes, reads; /* every so manieth call fails with EIO; 0: none */
    int32_t full;                 /* 1: nothing can be written where there is no room yet; more: nothing at all,
                                     as on a file system that never writes over anything in place */
    int64_t ahead;                /* seconds that the clock is ahead */
};

static const struct control none;
static const volatile struct control *control = &none;
static int32_t counted;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("CHAOS_CONTROL");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *shared = mmap(NULL, sizeof(struct control), PROT_READ, MAP_SHARED, file, 0);
    if (shared != MAP_FAILED)
        control = shared;
    close(file);
}

static int is_of_log(int file) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    const char *name = strrchr(path, '/');
    return name && strncmp(name + 1, "callboard.sqlite", 16) == 0;
}

static int fails(int32_t every, int file) {
    return every && is_of_log(file) && __atomic_add_fetch(&counted, 1, __ATOMIC_RELAXED) % every == 0;
}

static int has_no_room(int file, off_t offset, size_t count) {
    struct stat found;
    if (!control->full || !is_of_log(file) || fstat(file, &found) != 0)
        return 0;
    off_t room = found.st_blocks * 512;
    return control->full > 1 || offset + (off_t)count > (room > found.st_size ? room : found.st_size);
}

#define REAL(name) \
    static __typeof__(name) *real; \
    if (!real) \
        real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

#define SYNC(name) \
    int name(int file) { \
        REAL(name); \
        if (fails(control->syncs, file)) { \
            errno = EIO; \
            return -1; \
        } \
        return real(file); \
    }

#define WRITE(name, offset_type) \
    ssize_t name(int file, const void *data, size_t count, offset_type offset) { \
        REAL(name); \
        if (fails(control->writes, file)) { \
            errno = EIO; \
            return -1; \
        } \
        if (has_no_room(file, offset, count)) { \
            errno = ENOSPC; \
            return -1; \
        } \
        return real(file, data, count, offset); \
    }

#define READ(name, offset_type) \
    ssize_t name(int file, void *data, size_t count, offset_type offset) { \
        REAL(name); \
        if (fails(control->reads, file)) { \
            errno = EIO; \
            return -1; \
        } \
        return real(file, data, count, offset); \
    }

#define ALLOCATE(name, offset_type) \
    int name(int file, offset_type offset, offset_type count) { \
        REAL(name); \
        return has_no_room(file, offset, count) ? ENOSPC : real(file, offset, count); \
    }

SYNC(fsync)
SYNC(fdatasync)
WRITE(pwrite, off_t)
WRITE(pwrite64, off64_t)
READ(pread, off_t)
READ(pread64, off64_t)
ALLOCATE(posix_fallocate, off_t)
ALLOCATE(posix_fallocate64, off64_t)

int clock_gettime(clockid_t clock, struct timespec *now) {
    REAL(clock_gettime);
    int failed = real(clock, now);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += control->ahead;
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    REAL(gettimeofday);
    int failed = real(now, zone);
    if (!failed)
        now->tv_sec += control->ahead;
    return failed;
}

time_t time(time_t *where) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (where)
        *where = now.tv_sec;
    return now.tv_sec;
}
