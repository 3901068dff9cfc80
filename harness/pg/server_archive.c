/* A cluster folder packed into one file: to start a server, one mapping and a thousand creations instead of a thousand
 * opens, reads and stats as well. Equal files are stored once (three databases are nearly the same), zeros at the
 * end of a file (most of a WAL segment) not at all.
 *
 * Invariant: a published archive is never written to again, so a mapping of it stays whole; and nothing in it is
 * believed before its checksum was. */
#include "server_internal.h"

#include "pgr_buf.h"
#include "pgr_interrupt.h"
#include "pgr_mem.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct header {
  char magic[8];
  uint64_t identity;
  char version[PGR__VERSION_BYTES];
  uint64_t body_bytes, checksum; /* of all that follows the header */
} header;

static const char magic[8] = "PGRCLU1";

/* One folder or file; folders come before what they hold. The path follows, then, for a file whose bytes stand nowhere
 * before, the bytes; each padded to eight. */
typedef struct record {
  uint64_t size_bytes;   /* of the file */
  uint64_t stored_bytes; /* the first of them; the others are zero */
  uint64_t data_at;      /* where in the body they stand */
  uint32_t path_bytes;   /* with its NUL */
  uint32_t is_dir;
} record;

struct pgr__archive {
  const header *head;
  const char *body;
  size_t map_bytes;
};

static size_t padded(size_t n) {
  return (n + 7) & ~(size_t)7;
}

/* Against half-written files and bad disks, not against forgery: the folder is ours alone. */
static uint64_t checksum(const char *data, size_t bytes) {
  uint64_t lane[4] = {1, 2, 3, 4}, word[4] = {0}, h = bytes;
  for (size_t i = 0; i < bytes; i += sizeof word) { /* four lanes that do not wait for each other */
    memcpy(word, data + i, bytes - i < sizeof word ? bytes - i : sizeof word);
    for (int k = 0; k < 4; k++) {
      lane[k] = (lane[k] ^ word[k]) * UINT64_C(0x9E3779B97F4A7C15);
      lane[k] ^= lane[k] >> 29;
    }
  }
  for (int k = 0; k < 4; k++)
    h = (h ^ lane[k]) * UINT64_C(0xBF58476D1CE4E5B9);
  return h;
}

/* ---- packing ---- */

enum { PACKED_MAX_BYTES = 512 << 20, DEEPEST = 16 };

static void pad(pgr_buf *b) {
  static const char zeros[8] = {0};
  pgr_buf_add(b, zeros, padded(b->len) - b->len);
}

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* The bytes of an earlier file of the same name and content, whose record is then copied; the copies of a database have
 * the same file names. */
static bool stored_before(const pgr_buf *b, const record *r, const char *path, const char *data, uint64_t *data_at) {
  record earlier;
  for (size_t at = 0; at < b->len; at += sizeof earlier + padded(earlier.path_bytes)) {
    memcpy(&earlier, b->data + at, sizeof earlier);
    const char *earlier_path = b->data + at + sizeof earlier;
    if (!earlier.is_dir && r->stored_bytes > 0 && earlier.stored_bytes == r->stored_bytes &&
        strcmp(base_name(path), base_name(earlier_path)) == 0 &&
        memcmp(b->data + earlier.data_at, data, r->stored_bytes) == 0) {
      *data_at = earlier.data_at;
      return true;
    }
    if (!earlier.is_dir && earlier.data_at == at + sizeof earlier + padded(earlier.path_bytes))
      at += padded(earlier.stored_bytes);
  }
  return false;
}

static bool pack_file(pgr_buf *b, int fd, const char *path) {
  struct stat st;
  if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > PACKED_MAX_BYTES) return false;
  size_t size = (size_t)st.st_size, len = 0;
  char *data = pgr_calloc(size + 1, 1);
  if (!data) return false;
  for (ssize_t n; len < size && (n = read(fd, data + len, size - len)) > 0;)
    len += (size_t)n;
  bool ok = len == size;
  while (len > 0 && data[len - 1] == '\0')
    len--;
  record r = {.size_bytes = size, .stored_bytes = len, .path_bytes = (uint32_t)strlen(path) + 1};
  bool again = stored_before(b, &r, path, data, &r.data_at);
  if (!again) r.data_at = b->len + sizeof r + padded(r.path_bytes);
  pgr_buf_add(b, (const char *)&r, sizeof r);
  pgr_buf_add(b, path, r.path_bytes);
  pad(b);
  if (!again) {
    pgr_buf_add(b, data, len);
    pad(b);
  }
  pgr_free(data);
  return ok && !b->failed;
}

static bool pack_dir(pgr_buf *b, int dir_fd, const char *path, int depth);

static bool pack_entry(pgr_buf *b, int dir_fd, const char *dir_path, const char *name, int depth) {
  char path[PATH_MAX];
  int len = snprintf(path, sizeof path, "%s%s%s", dir_path, *dir_path ? "/" : "", name);
  if (len <= 0 || len >= (int)sizeof path) return false;
  int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  struct stat st;
  if (fd < 0) return false;
  if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
    record r = {.path_bytes = (uint32_t)len + 1, .is_dir = 1};
    pgr_buf_add(b, (const char *)&r, sizeof r);
    pgr_buf_add(b, path, r.path_bytes);
    pad(b);
    return pack_dir(b, fd, path, depth + 1);
  }
  bool ok = pack_file(b, fd, path);
  close(fd);
  return ok;
}

/* Closes dir_fd. A fresh cluster holds folders and files only; anything else makes this fail. */
static bool pack_dir(pgr_buf *b, int dir_fd, const char *path, int depth) {
  bool ok = depth <= DEEPEST;
  DIR *dir = fdopendir(dir_fd);
  if (!dir) {
    close(dir_fd);
    return false;
  }
  for (struct dirent *e; ok && (e = readdir(dir));)
    if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) ok = pack_entry(b, dir_fd, path, e->d_name, depth);
  closedir(dir);
  return ok;
}

static bool write_all(int fd, const char *data, size_t len) {
  while (len > 0) {
    ssize_t n = write(fd, data, len);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    data += n;
    len -= (size_t)n;
  }
  return true;
}

/* A fixed name and a lock, not a random name: then a run that is killed here leaves nothing that piles up. */
static bool publish(const char *path, const header *h, const pgr_buf *b) {
  char draft[PATH_MAX];
  struct stat held, named;
  if (snprintf(draft, sizeof draft, "%s.draft", path) >= (int)sizeof draft) return false;
  int fd = open(draft, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  bool ok = flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &held) == 0 && lstat(draft, &named) == 0 &&
            held.st_ino == named.st_ino && held.st_dev == named.st_dev;
  if (ok) {
    ok = ftruncate(fd, 0) == 0 && write_all(fd, (const char *)h, sizeof *h) && write_all(fd, b->data, b->len) &&
         rename(draft, path) == 0;
    if (!ok) unlink(draft);
  }
  close(fd);
  return ok;
}

bool pgr__archive_publish(const char *path, uint64_t identity, const char *version, int dir_fd) {
  pgr_buf b;
  pgr_buf_init(&b, PACKED_MAX_BYTES);
  bool ok = pack_dir(&b, dir_fd, "", 0) && b.len > 0;
  if (ok) {
    header h = {.identity = identity, .body_bytes = b.len, .checksum = checksum(b.data, b.len)};
    memcpy(h.magic, magic, sizeof magic);
    snprintf(h.version, sizeof h.version, "%s", version);
    ok = publish(path, &h, &b);
  }
  pgr_buf_deinit(&b);
  return ok;
}

/* ---- unpacking ---- */

static bool is_whole(const header *h, size_t file_bytes, uint64_t identity) {
  return memcmp(h->magic, magic, sizeof magic) == 0 && h->identity == identity &&
         h->body_bytes == file_bytes - sizeof *h && h->body_bytes % 8 == 0 &&
         memchr(h->version, '\0', sizeof h->version) &&
         h->checksum == checksum((const char *)h + sizeof *h, h->body_bytes);
}

pgr__archive *pgr__archive_open(const char *path, uint64_t identity) {
  struct stat st;
  int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return NULL;
  pgr__archive *a = NULL;
  void *map = MAP_FAILED;
  bool trusted = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
                 !(st.st_mode & (S_IWGRP | S_IWOTH)) && (size_t)st.st_size > sizeof(header);
  if (trusted) map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
  close(fd);
  if (map == MAP_FAILED) return NULL;
  if (is_whole(map, (size_t)st.st_size, identity)) a = pgr_calloc(1, sizeof *a);
  if (!a) {
    munmap(map, (size_t)st.st_size);
    return NULL;
  }
  *a = (pgr__archive){.head = map, .body = (const char *)map + sizeof(header), .map_bytes = (size_t)st.st_size};
  return a;
}

void pgr__archive_close(pgr__archive *a) {
  if (!a) return;
  munmap((void *)a->head, a->map_bytes);
  pgr_free(a);
}

const char *pgr__archive_version(const pgr__archive *a) {
  return a->head->version;
}

static bool write_file(const pgr__archive *a, const record *r, int fd, bool sparse) {
  static const char zeros[65536] = {0};
  if (!write_all(fd, a->body + r->data_at, r->stored_bytes)) return false;
  if (sparse) return r->size_bytes == r->stored_bytes || ftruncate(fd, (off_t)r->size_bytes) == 0;
  for (uint64_t left = r->size_bytes - r->stored_bytes; left > 0;) {
    size_t n = left < sizeof zeros ? (size_t)left : sizeof zeros;
    if (!write_all(fd, zeros, n)) return false;
    left -= n;
  }
  return true;
}

static bool unpack_one(const pgr__archive *a, const record *r, const char *path, int dir_fd,
                       const pgr__account *account, bool sparse) {
  if (r->is_dir)
    return mkdirat(dir_fd, path, 0700) == 0 &&
           (!account->drop || fchownat(dir_fd, path, account->uid, account->gid, AT_SYMLINK_NOFOLLOW) == 0);
  int fd = openat(dir_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  bool ok = write_file(a, r, fd, sparse) && (!account->drop || fchown(fd, account->uid, account->gid) == 0);
  int saved = errno;
  close(fd);
  errno = saved;
  return ok;
}

pgr_code pgr__archive_unpack(const pgr__archive *a, int dir_fd, const pgr__account *account, bool sparse,
                             pgr_err *err) {
  record r;
  for (size_t at = 0; at < a->head->body_bytes;) {
    if (pgr_interrupt_pending()) return pgr_fail(err, PGR_EINTERRUPTED, "interrupted");
    memcpy(&r, a->body + at, sizeof r);
    at += sizeof r;
    const char *path = a->body + at;
    if (!unpack_one(a, &r, path, dir_fd, account, sparse))
      return pgr_fail(err, PGR_EENVIRONMENT, "cannot write the server's file %s: %s", path, strerror(errno));
    at += padded(r.path_bytes);
    if (r.data_at == at) at += padded(r.stored_bytes);
  }
  return PGR_OK;
}
