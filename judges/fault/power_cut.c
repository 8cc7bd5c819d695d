/* A power cut for unmodified programs: an LD_PRELOAD library that keeps, beside a directory, a shadow of
 * it that holds only what was fsynced.
 *
 *   POWER_CUT_ROOT    the directory that is watched (an existing one)
 *   POWER_CUT_SHADOW  where the shadow is: SHADOW/tree is the directory as a power cut would leave it,
 *                     SHADOW/inodes/ holds the durable bytes of each file by inode and birth time;
 *                     SHADOW/ready is there once both are whole
 *
 * The model, which is ext4's with its delayed allocation at its worst:
 *   - a file's bytes and length become durable with fsync, fdatasync, or a write to a file opened with
 *     O_SYNC or O_DSYNC; syncfs and sync make everything durable;
 *   - its name becomes durable with the file's own fsync or with its directory's; a name that is
 *     durable without the file's fsync leads to an empty file;
 *   - a removed name stays until its directory is fsynced; so does a renamed file's old name, until
 *     the file or its new directory is.
 * The real fsync is not called: the shadow is the truth.
 *
 * Files are recognised by inode and birth time at the time of the sync, so names changed by system
 * calls that bypass this library (rustix makes some) are seen. Bytes are copied from the changed
 * ranges this library saw, from every byte beyond the durable length, and, for files up to WHOLE_MAX,
 * as a whole. Shared writable mappings are not followed: the library says so and their files are
 * copied whole. A process that inherits the environment from a watched one is not watched.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wformat-truncation" /* paths near PATH_MAX are not for tests */

#define WHOLE_MAX (256 * 1024)
#define FDS 65536
#define FILES 16384 /* buckets */
#define RANGES 24

enum { UNKNOWN = 0, WATCHED = 1, OTHER = 2, WATCHED_SYNC = 3 };

struct file {
  uint64_t inode, birth;
  int ranges, seen, whole;
  int64_t from[RANGES], to[RANGES]; /* changed bytes since the last sync */
  char *durable;                    /* durable name below the root, or NULL */
  struct file *next;
};

static char root[PATH_MAX], shadow[PATH_MAX];
static size_t root_length;
static int active;
static unsigned char fds[FDS];
static struct file *files[FILES];
static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

#define REAL(name) \
  static __typeof__(name) *real; \
  if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

/* The library's own work goes straight to the kernel, past its own functions. */
static int own_open(const char *path, int flags, int mode) { return syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, mode); }
static int own_close(int fd) { return syscall(SYS_close, fd); }

/* --- names ------------------------------------------------------------------------------- */

static int below_root(const char *path) {
  return !strncmp(path, root, root_length) && (path[root_length] == '/' || path[root_length] == 0);
}

/* The path of an open file, below the root ("" is the root itself); 0 if it has none or is not there. */
static int name_of(int fd, char *name) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  if (path[0] != '/' || !below_root(path)) return 0;
  size_t deleted = strlen(" (deleted)");
  if ((size_t)length > deleted && !strcmp(path + length - deleted, " (deleted)")) return 0;
  strcpy(name, path[root_length] ? path + root_length + 1 : "");
  return 1;
}

static int watched(int fd) {
  if (!active || fd < 0 || fd >= FDS) return 0;
  if (fds[fd] == UNKNOWN) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = 0;
    fds[fd] = below_root(path) ? WATCHED : OTHER;
  }
  return fds[fd] == WATCHED || fds[fd] == WATCHED_SYNC;
}

static void fail(const char *what, const char *name) {
  dprintf(2, "power_cut: cannot %s %s: %s\n", what, name, strerror(errno));
  abort();
}

static void make_parents(char *path) {
  for (char *at = path + 1; *at; at++)
    if (*at == '/') {
      *at = 0;
      if (mkdirat(AT_FDCWD, path, 0755) && errno != EEXIST) fail("make", path);
      *at = '/';
    }
}

/* --- files ------------------------------------------------------------------------------- */

static int identity(int directory, const char *name, int flags, uint64_t *inode, uint64_t *birth, int64_t *size, int *mode) {
  struct statx found;
  if (syscall(SYS_statx, directory, name, flags | AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &found)) return 0;
  *inode = found.stx_ino;
  *birth = found.stx_mask & STATX_BTIME ? found.stx_btime.tv_sec * 1000000000ull + found.stx_btime.tv_nsec : 0;
  *size = found.stx_size;
  *mode = found.stx_mode;
  return 1;
}

static struct file *file_of(uint64_t inode, uint64_t birth) {
  struct file **at = &files[(inode ^ birth) % FILES];
  for (; *at; at = &(*at)->next)
    if ((*at)->inode == inode && (*at)->birth == birth) return *at;
  *at = calloc(1, sizeof **at);
  (*at)->inode = inode;
  (*at)->birth = birth;
  return *at;
}

static void content_path(char *path, uint64_t inode, uint64_t birth) {
  snprintf(path, PATH_MAX, "%s/inodes/%llu-%llu", shadow, (unsigned long long)inode, (unsigned long long)birth);
}

static struct file *file_of_fd(int fd) {
  uint64_t inode, birth;
  int64_t size;
  int mode;
  if (!identity(fd, "", AT_EMPTY_PATH, &inode, &birth, &size, &mode) || !S_ISREG(mode)) return NULL;
  return file_of(inode, birth);
}

static void changed(int fd, int64_t from, int64_t to) {
  struct file *file = file_of_fd(fd);
  if (!file || to <= from) return;
  for (int i = 0; i < file->ranges; i++)
    if (from <= file->to[i] && to >= file->from[i]) {
      if (from < file->from[i]) file->from[i] = from;
      if (to > file->to[i]) file->to[i] = to;
      return;
    }
  if (file->ranges == RANGES) { /* too many: one range over all */
    for (int i = 1; i < RANGES; i++) {
      if (file->from[i] < file->from[0]) file->from[0] = file->from[i];
      if (file->to[i] > file->to[0]) file->to[0] = file->to[i];
    }
    if (from < file->from[0]) file->from[0] = from;
    if (to > file->to[0]) file->to[0] = to;
    file->ranges = 1;
    return;
  }
  file->from[file->ranges] = from;
  file->to[file->ranges++] = to;
}

static void copy_range(int from, int to, int64_t at, int64_t end) {
  static char buffer[1 << 16];
  while (at < end) {
    int64_t want = end - at < (int64_t)sizeof buffer ? end - at : (int64_t)sizeof buffer;
    ssize_t got = syscall(SYS_pread64, from, buffer, want, at);
    if (got <= 0) break;
    if (syscall(SYS_pwrite64, to, buffer, got, at) != got) fail("write to", "the shadow");
    at += got;
  }
}

/* Makes a file's bytes durable. `fd` need not be readable: the file is opened anew. */
static struct file *sync_bytes(int fd) {
  struct file *file = file_of_fd(fd);
  if (!file) return NULL;
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  int from = own_open(link, O_RDONLY, 0);
  if (from < 0) fail("read", link);
  content_path(path, file->inode, file->birth);
  int to = own_open(path, O_RDWR | O_CREAT, 0644);
  if (to < 0) fail("open", path);
  struct stat was, is;
  if (fstat(to, &was) || fstat(from, &is)) fail("stat", path);
  if (ftruncate(to, is.st_size)) fail("cut", path);
  if (file->whole || !file->seen || is.st_size <= WHOLE_MAX) {
    copy_range(from, to, 0, is.st_size);
  } else {
    for (int i = 0; i < file->ranges; i++)
      copy_range(from, to, file->from[i], file->to[i] < is.st_size ? file->to[i] : is.st_size);
    copy_range(from, to, was.st_size, is.st_size);
  }
  file->seen = 1;
  file->ranges = 0;
  own_close(from);
  own_close(to);
  return file;
}

/* Makes a name lead to a file's durable bytes, which may be none. */
static void name_file(struct file *file, const char *name) {
  char content[PATH_MAX], path[2 * PATH_MAX], temporary[2 * PATH_MAX];
  struct stat have, want;
  content_path(content, file->inode, file->birth);
  int fd = own_open(content, O_RDWR | O_CREAT, 0644);
  if (fd < 0) fail("open", content);
  own_close(fd);
  snprintf(path, sizeof path, "%s/tree/%s", shadow, name);
  if (stat(content, &want)) fail("stat", content);
  if (!lstat(path, &have) && have.st_ino == want.st_ino && have.st_dev == want.st_dev) goto named;
  make_parents(path);
  snprintf(temporary, sizeof temporary, "%s/link", shadow);
  syscall(SYS_unlinkat, AT_FDCWD, temporary, 0);
  if (linkat(AT_FDCWD, content, AT_FDCWD, temporary, 0)) fail("link", content);
  if (syscall(SYS_renameat2, AT_FDCWD, temporary, AT_FDCWD, path, 0)) fail("name", path);
named:
  if (!file->durable || strcmp(file->durable, name)) {
    free(file->durable);
    file->durable = strdup(name);
  }
}

/* After a file's own fsync: its name now is durable, and one that it no longer has is not. */
static void sync_name(struct file *file, const char *name) {
  char *old = file->durable ? strdup(file->durable) : NULL;
  name_file(file, name);
  if (old && strcmp(old, name)) {
    char path[2 * PATH_MAX], content[PATH_MAX];
    uint64_t inode, birth;
    int64_t size;
    int mode;
    struct stat have, want;
    snprintf(path, sizeof path, "%s/%s", root, old);
    int still = identity(AT_FDCWD, path, 0, &inode, &birth, &size, &mode) && inode == file->inode && birth == file->birth;
    snprintf(path, sizeof path, "%s/tree/%s", shadow, old);
    content_path(content, file->inode, file->birth);
    if (!still && !lstat(path, &have) && !stat(content, &want) && have.st_ino == want.st_ino)
      syscall(SYS_unlinkat, AT_FDCWD, path, 0);
  }
  free(old);
}

/* --- directories ------------------------------------------------------------------------- */

static void remove_tree(const char *path) {
  DIR *directory = opendir(path);
  if (directory) {
    for (struct dirent *entry; (entry = readdir(directory));) {
      if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
      char child[2 * PATH_MAX];
      snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
      remove_tree(child);
    }
    closedir(directory);
    syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR);
  } else {
    syscall(SYS_unlinkat, AT_FDCWD, path, 0);
  }
}

/* Makes the names of a directory durable. A directory that the shadow does not have yet (new, or
 * renamed) brings those of its files that have durable bytes; with `all`, all of them. */
static void sync_directory(const char *name, int only_durable, int all) {
  char path[2 * PATH_MAX], twin[2 * PATH_MAX];
  snprintf(path, sizeof path, "%s/%s", root, name);
  snprintf(twin, sizeof twin, "%s/tree/%s%s", shadow, name, *name ? "/" : "");
  make_parents(twin);
  DIR *directory = opendir(path);
  if (!directory) return;
  for (struct dirent *entry; (entry = readdir(directory));) {
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    char child[2 * PATH_MAX], child_path[4 * PATH_MAX], content[PATH_MAX];
    uint64_t inode, birth;
    int64_t size;
    int mode;
    struct stat have;
    snprintf(child, sizeof child, "%s%s%s", name, *name ? "/" : "", entry->d_name);
    snprintf(child_path, sizeof child_path, "%s/%s", root, child);
    if (!identity(AT_FDCWD, child_path, 0, &inode, &birth, &size, &mode)) continue;
    if (S_ISDIR(mode)) {
      snprintf(child_path, sizeof child_path, "%s/tree/%s", shadow, child);
      int fresh = lstat(child_path, &have) != 0;
      if (fresh || all) sync_directory(child, fresh, all);
      continue;
    }
    if (!S_ISREG(mode)) continue;
    content_path(content, inode, birth);
    if (all) {
      int fd = own_open(child_path, O_RDONLY, 0);
      if (fd < 0) continue;
      struct file *file = file_of(inode, birth);
      file->whole = 1;
      sync_bytes(fd);
      file->whole = 0;
      own_close(fd);
    }
    if (!only_durable || all || !lstat(content, &have)) name_file(file_of(inode, birth), child);
  }
  closedir(directory);
  if (only_durable) return;
  directory = opendir(twin);
  if (!directory) return;
  for (struct dirent *entry; (entry = readdir(directory));) {
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    char child[4 * PATH_MAX];
    struct stat have;
    snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
    if (!lstat(child, &have)) continue;
    snprintf(child, sizeof child, "%s%s", twin, entry->d_name);
    remove_tree(child);
  }
  closedir(directory);
}

/* --- life -------------------------------------------------------------------------------- */

__attribute__((constructor)) static void begin(void) {
  const char *watch = getenv("POWER_CUT_ROOT"), *keep = getenv("POWER_CUT_SHADOW");
  if (!watch || !keep || getenv("POWER_CUT_ACTIVE")) return;
  if (!realpath(watch, root)) fail("watch", watch);
  if (strlen(keep) >= sizeof shadow) return;
  strcpy(shadow, keep);
  root_length = strlen(root);
  setenv("POWER_CUT_ACTIVE", "1", 1);
  char path[PATH_MAX + 16];
  snprintf(path, sizeof path, "%s/", shadow);
  make_parents(path);
  remove_tree(shadow);
  snprintf(path, sizeof path, "%s/inodes/", shadow);
  make_parents(path);
  snprintf(path, sizeof path, "%s/tree/", shadow);
  make_parents(path);
  sync_directory("", 0, 1); /* what is there at the start has been there for long */
  snprintf(path, sizeof path, "%s/ready", shadow); /* a program killed before this has changed nothing */
  int mark = own_open(path, O_WRONLY | O_CREAT, 0644);
  if (mark < 0) fail("mark as complete", path);
  own_close(mark);
  active = 1;
}

static int sync_fd(int fd) {
  char name[PATH_MAX];
  struct stat is;
  pthread_mutex_lock(&lock);
  if (fstat(fd, &is)) {
    pthread_mutex_unlock(&lock);
    return -1;
  }
  int named = name_of(fd, name);
  if (S_ISDIR(is.st_mode)) {
    if (named) sync_directory(name, 0, 0);
  } else if (S_ISREG(is.st_mode)) {
    struct file *file = sync_bytes(fd);
    if (file && named) sync_name(file, name);
  }
  pthread_mutex_unlock(&lock);
  return 0;
}

static void opened(int fd, int flags) {
  if (!active || fd < 0 || fd >= FDS) return;
  pthread_mutex_lock(&lock);
  fds[fd] = UNKNOWN;
  if (watched(fd)) {
    if (flags & O_DSYNC) fds[fd] = WATCHED_SYNC;
    if (flags & O_TRUNC) changed(fd, 0, INT64_MAX);
  }
  pthread_mutex_unlock(&lock);
}

/* After a write of `count` bytes at `at`; at -1 it was at the file's position, which has moved. */
static void wrote(int fd, int64_t at, int64_t count) {
  if (count <= 0 || !watched(fd)) return;
  int kept = errno;
  pthread_mutex_lock(&lock);
  struct stat is;
  if (!fstat(fd, &is) && S_ISREG(is.st_mode)) {
    /* Linux appends with O_APPEND whatever the offset says. Another append may have come between,
     * so the start of the range is a guess; bytes beyond the durable length are copied anyway. */
    if (fcntl(fd, F_GETFL) & O_APPEND) at = is.st_size - count;
    else if (at < 0) at = lseek(fd, 0, SEEK_CUR) - count;
    changed(fd, at < 0 ? 0 : at, at + count);
    if (fds[fd] == WATCHED_SYNC) sync_fd(fd);
  }
  pthread_mutex_unlock(&lock);
  errno = kept;
}

/* --- the functions that programs call ------------------------------------------------------ */

#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    REAL(name); \
    va_list rest; \
    va_start(rest, flags); \
    int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, int) : 0; \
    va_end(rest); \
    int fd = real(path, flags, mode); \
    opened(fd, flags); \
    return fd; \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name) \
  int name(int directory, const char *path, int flags, ...) { \
    REAL(name); \
    va_list rest; \
    va_start(rest, flags); \
    int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, int) : 0; \
    va_end(rest); \
    int fd = real(directory, path, flags, mode); \
    opened(fd, flags); \
    return fd; \
  }
OPENAT(openat)
OPENAT(openat64)

#define CREAT(name) \
  int name(const char *path, mode_t mode) { \
    REAL(name); \
    int fd = real(path, mode); \
    opened(fd, O_TRUNC); \
    return fd; \
  }
CREAT(creat)
CREAT(creat64)

int close(int fd) {
  REAL(close);
  if (fd >= 0 && fd < FDS) fds[fd] = UNKNOWN;
  return real(fd);
}

int dup2(int from, int to) {
  REAL(dup2);
  if (to >= 0 && to < FDS && to != from) fds[to] = UNKNOWN;
  return real(from, to);
}

int dup3(int from, int to, int flags) {
  REAL(dup3);
  if (to >= 0 && to < FDS) fds[to] = UNKNOWN;
  return real(from, to, flags);
}

ssize_t write(int fd, const void *bytes, size_t count) {
  REAL(write);
  ssize_t done = real(fd, bytes, count);
  wrote(fd, -1, done);
  return done;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  REAL(writev);
  ssize_t done = real(fd, parts, count);
  wrote(fd, -1, done);
  return done;
}

#define PWRITE(name, offset_type) \
  ssize_t name(int fd, const void *bytes, size_t count, offset_type at) { \
    REAL(name); \
    ssize_t done = real(fd, bytes, count, at); \
    wrote(fd, at, done); \
    return done; \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define PWRITEV(name, offset_type) \
  ssize_t name(int fd, const struct iovec *parts, int count, offset_type at) { \
    REAL(name); \
    ssize_t done = real(fd, parts, count, at); \
    wrote(fd, at, done); \
    return done; \
  }
PWRITEV(pwritev, off_t)
PWRITEV(pwritev64, off64_t)

#define PWRITEV2(name, offset_type) \
  ssize_t name(int fd, const struct iovec *parts, int count, offset_type at, int flags) { \
    REAL(name); \
    ssize_t done = real(fd, parts, count, at, flags); \
    wrote(fd, at, done); \
    return done; \
  }
PWRITEV2(pwritev2, off_t)
PWRITEV2(pwritev64v2, off64_t)

static void resized(int fd, int64_t length) {
  if (!watched(fd)) return;
  pthread_mutex_lock(&lock);
  changed(fd, length, INT64_MAX); /* what grows back behind the cut is zeros or new */
  pthread_mutex_unlock(&lock);
}

#define FTRUNCATE(name, offset_type) \
  int name(int fd, offset_type length) { \
    REAL(name); \
    int done = real(fd, length); \
    if (!done) resized(fd, length); \
    return done; \
  }
FTRUNCATE(ftruncate, off_t)
FTRUNCATE(ftruncate64, off64_t)

#define FALLOCATE(name, offset_type) \
  int name(int fd, int mode, offset_type at, offset_type count) { \
    REAL(name); \
    int done = real(fd, mode, at, count); \
    if (!done && watched(fd)) { \
      pthread_mutex_lock(&lock); \
      changed(fd, mode ? 0 : at, mode ? INT64_MAX : at + count); \
      pthread_mutex_unlock(&lock); \
    } \
    return done; \
  }
FALLOCATE(fallocate, off_t)
FALLOCATE(fallocate64, off64_t)

static void whole(int fd) {
  if (!watched(fd)) return;
  pthread_mutex_lock(&lock);
  changed(fd, 0, INT64_MAX);
  pthread_mutex_unlock(&lock);
}

ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t count, unsigned flags) {
  REAL(copy_file_range);
  ssize_t done = real(from, from_at, to, to_at, count, flags);
  if (done > 0) whole(to);
  return done;
}

#define SENDFILE(name, offset_type) \
  ssize_t name(int to, int from, offset_type *at, size_t count) { \
    static ssize_t (*real)(int, int, offset_type *, size_t); \
    if (!real) real = (ssize_t (*)(int, int, offset_type *, size_t))dlsym(RTLD_NEXT, #name); \
    ssize_t done = real(to, from, at, count); \
    if (done > 0) whole(to); \
    return done; \
  }
SENDFILE(sendfile, off_t)
SENDFILE(sendfile64, off64_t)

#define MMAP(name, offset_type) \
  void *name(void *address, size_t length, int protection, int flags, int fd, offset_type at) { \
    REAL(name); \
    void *done = real(address, length, protection, flags, fd, at); \
    if (done != MAP_FAILED && (flags & MAP_SHARED) && (protection & PROT_WRITE) && fd >= 0 && watched(fd)) { \
      pthread_mutex_lock(&lock); \
      struct file *file = file_of_fd(fd); \
      if (file && !file->whole) { \
        file->whole = 1; \
        dprintf(2, "power_cut: file descriptor %d is mapped shared and writable: what msync does to it is not seen\n", fd); \
      } \
      pthread_mutex_unlock(&lock); \
    } \
    return done; \
  }
MMAP(mmap, off_t)
MMAP(mmap64, off64_t)

int fsync(int fd) {
  REAL(fsync);
  return watched(fd) ? sync_fd(fd) : real(fd);
}

int fdatasync(int fd) {
  REAL(fdatasync);
  return watched(fd) ? sync_fd(fd) : real(fd);
}

int syncfs(int fd) {
  REAL(syncfs);
  if (!watched(fd)) return real(fd);
  pthread_mutex_lock(&lock);
  sync_directory("", 0, 1);
  pthread_mutex_unlock(&lock);
  return 0;
}

void sync(void) {
  if (!active) return;
  pthread_mutex_lock(&lock);
  sync_directory("", 0, 1);
  pthread_mutex_unlock(&lock);
}
