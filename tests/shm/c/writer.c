/* A camera daemon as far as the ring can tell: claim, copy 3.1 MB, post.
 *
 * Every access unit carries its own check: crc32 of the next 12 bytes, the count it was written
 * as (u64), crc32 of the body (u32), the body. Two frames of one slot never have the same body.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "pet_shm.h"

#define POOL 7 /* 30 mod 7 is not 0 */
#define HEAD 16
#define CHUNK 65536

struct options {
    const char *name;
    long frames;         /* 0: until killed */
    long interval_us;    /* 0: unthrottled */
    long copy_us;        /* spread the copy over this time */
    uint32_t start_index;
    int keep;            /* attach to what is there, as it is */
    int reinit;          /* attach, but initialise the semaphore again */
    int log;             /* print count and time of each post */
    long die_at;         /* kill -9 oneself in the copy of this frame, counted from 0 */
    long die_after;      /* ... after so many bytes */
    long body_max;
    uint32_t gop;
};

static uint32_t crc_table[256];

static void make_crc_table(void) {
    for (uint32_t n = 0; n < 256; n++) {
        uint32_t c = n;
        for (int bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320u ^ (c >> 1) : c >> 1;
        crc_table[n] = c;
    }
}

static uint32_t crc32(const uint8_t *data, size_t size) {
    uint32_t c = 0xffffffffu;
    for (size_t i = 0; i < size; i++) c = crc_table[(c ^ data[i]) & 255] ^ (c >> 8);
    return ~c;
}

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void sleep_until(int64_t when_ns) {
    struct timespec t = {when_ns / 1000000000, when_ns % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR) {}
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static PetRing *open_ring(const struct options *o) {
    int existing = o->keep || o->reinit;
    if (!existing) shm_unlink(o->name);
    int fd = shm_open(o->name, existing ? O_RDWR : O_RDWR | O_CREAT | O_EXCL, 0600);
    if (fd < 0) fail("shm_open");
    if (!existing && ftruncate(fd, sizeof(PetRing)) != 0) fail("ftruncate");
    PetRing *ring = mmap(NULL, sizeof(PetRing), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (ring == MAP_FAILED) fail("mmap");
    close(fd);
    if (!o->keep && sem_init(&ring->new_frame_sem, 1, 0) != 0) fail("sem_init");
    if (!existing) atomic_store(&ring->write_index, o->start_index);
    return ring;
}

static PetFrame *make_pool(long body_max) {
    PetFrame *pool = calloc(POOL, sizeof(PetFrame));
    if (pool == NULL) fail("calloc");
    for (uint32_t n = 0; n < POOL; n++) {
        PetFrame *frame = &pool[n];
        uint32_t x = 2463534242u + n;
        size_t body = (size_t)body_max * (n + 1) / POOL;
        for (size_t i = 0; i < body; i++) {
            x ^= x << 13;
            x ^= x >> 17;
            x ^= x << 5;
            frame->data[HEAD + i] = (uint8_t)x;
        }
        uint32_t body_crc = crc32(frame->data + HEAD, body);
        memcpy(frame->data + 12, &body_crc, 4);
        frame->data_size = HEAD + body;
        frame->width = 1920;
        frame->height = 1080;
        frame->format = PET_FORMAT_H264;
    }
    return pool;
}

static void stamp(PetFrame *frame, uint32_t count, uint32_t gop) {
    uint64_t wide = count;
    int64_t now = now_ns();
    memcpy(frame->data + 4, &wide, 8);
    uint32_t head_crc = crc32(frame->data + 4, 12);
    memcpy(frame->data, &head_crc, 4);
    frame->frame_number = count;
    frame->timestamp.tv_sec = now / 1000000000;
    frame->timestamp.tv_nsec = now % 1000000000;
    frame->camera_id = gop != 0 && count % gop == 0; /* 1: decoding can start here */
}

static void copy(PetFrame *to, const PetFrame *from, const struct options *o, int dies) {
    if (o->copy_us == 0 && !dies) {
        memcpy(to, from, sizeof(PetFrame));
        return;
    }
    int64_t start = now_ns();
    for (size_t at = 0; at < sizeof(PetFrame); at += CHUNK) {
        size_t left = sizeof(PetFrame) - at;
        size_t size = left < CHUNK ? left : CHUNK;
        if (dies && at + size > (size_t)o->die_after) size = (size_t)o->die_after - at;
        memcpy((char *)to + at, (const char *)from + at, size);
        if (dies && at + size == (size_t)o->die_after) raise(SIGKILL);
        if (o->copy_us) sleep_until(start + o->copy_us * 1000 * (int64_t)at / (int64_t)sizeof(PetFrame));
    }
}

static void run(PetRing *ring, const struct options *o) {
    PetFrame *pool = make_pool(o->body_max);
    int64_t due = now_ns();
    for (long n = 0; o->frames == 0 || n < o->frames; n++) {
        uint32_t expected = atomic_load(&ring->write_index);
        PetFrame *frame = &pool[expected % POOL];
        stamp(frame, expected, o->gop);
        if (o->interval_us) {
            sleep_until(due);
            due += o->interval_us * 1000;
        }
        uint32_t count = atomic_fetch_add(&ring->write_index, 1);
        copy(&ring->frames[count % PET_RING_SLOTS], frame, o, n == o->die_at);
        int64_t posting = now_ns();
        sem_post(&ring->new_frame_sem);
        if (o->log) printf("%" PRIu32 " %" PRId64 "\n", count, posting);
    }
}

static void parse(int argc, char **argv, struct options *o) {
    static const struct option known[] = {
        {"name", 1, 0, 'n'},      {"frames", 1, 0, 'f'},   {"interval-us", 1, 0, 'i'},
        {"copy-us", 1, 0, 'c'},   {"start", 1, 0, 's'},    {"keep", 0, 0, 'k'},
        {"reinit", 0, 0, 'r'},    {"log", 0, 0, 'l'},      {"die-at", 1, 0, 'd'},
        {"die-after", 1, 0, 'a'}, {"body-max", 1, 0, 'b'}, {"gop", 1, 0, 'g'},
        {0, 0, 0, 0},
    };
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (c) {
        case 'n': o->name = optarg; break;
        case 'f': o->frames = atol(optarg); break;
        case 'i': o->interval_us = atol(optarg); break;
        case 'c': o->copy_us = atol(optarg); break;
        case 's': o->start_index = (uint32_t)strtoul(optarg, NULL, 10); break;
        case 'k': o->keep = 1; break;
        case 'r': o->reinit = 1; break;
        case 'l': o->log = 1; break;
        case 'd': o->die_at = atol(optarg); break;
        case 'a': o->die_after = atol(optarg); break;
        case 'b': o->body_max = atol(optarg); break;
        case 'g': o->gop = (uint32_t)atol(optarg); break;
        default: exit(2);
        }
    }
    if (o->name == NULL || o->body_max > PET_DATA_SIZE_MAX - HEAD) exit(2);
}

int main(int argc, char **argv) {
    struct options o = {.interval_us = 33333, .die_at = -1, .body_max = 140000, .gop = 30};
    parse(argc, argv, &o);
    setvbuf(stdout, NULL, _IOLBF, 0); /* what kill -9 finds unwritten is lost */
    make_crc_table();
    run(open_ring(&o), &o);
    return 0;
}
