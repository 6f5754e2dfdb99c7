/* A camera daemon in small: publishes the access units that come on stdin.
 *
 *   daemon NAME claim-first|copy-first INTERVAL_US  < records
 *
 * A record is its size (u32) and so many bytes. The segment is made, or taken over if it is there,
 * and left at the end. claim-first is the order of daemons as they are, copy-first the safe one.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "pet_shm.h"

static PetFrame frame; /* 3.1 MB: too much for a stack */

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static PetRing *open_ring(const char *name) {
    int fd = shm_open(name, O_RDWR | O_CREAT, 0600);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0) fail(name);
    int is_new = status.st_size == 0;
    if (!is_new && status.st_size != PET_RING_SIZE) {
        fprintf(stderr, "%s has %lld bytes, not %d\n", name, (long long)status.st_size, PET_RING_SIZE);
        exit(1);
    }
    if (is_new && ftruncate(fd, PET_RING_SIZE) != 0) fail("ftruncate");
    PetRing *ring = mmap(NULL, PET_RING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (ring == MAP_FAILED) fail("mmap");
    close(fd);
    if (is_new && sem_init(&ring->new_frame_sem, 1, 0) != 0) fail("sem_init");
    return ring;
}

static void publish_claim_first(PetRing *ring, const PetFrame *whole) {
    uint32_t k = atomic_fetch_add(&ring->write_index, 1);
    ring->frames[k % PET_RING_SLOTS] = *whole;
    sem_post(&ring->new_frame_sem);
}

static void publish_copy_first(PetRing *ring, const PetFrame *whole) {
    uint32_t k = atomic_load(&ring->write_index);
    ring->frames[k % PET_RING_SLOTS] = *whole;
    atomic_store(&ring->write_index, k + 1);
    sem_post(&ring->new_frame_sem);
}

static int read_record(void) {
    uint32_t size;
    if (fread(&size, sizeof size, 1, stdin) != 1) return 0;
    if (size > PET_DATA_SIZE_MAX || fread(frame.data, 1, size, stdin) != size) {
        fprintf(stderr, "a record of %u bytes is cut off or too large\n", size);
        exit(1);
    }
    frame.data_size = size;
    return 1;
}

static void stamp(uint64_t number, long interval_us) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (interval_us > 0) {
        struct timespec pause = {interval_us / 1000000, interval_us % 1000000 * 1000};
        nanosleep(&pause, NULL);
        clock_gettime(CLOCK_MONOTONIC, &now);
    }
    frame.frame_number = number;
    frame.timestamp = (PetTimespec){now.tv_sec, now.tv_nsec};
    frame.camera_id = 5;
    frame.width = 854;
    frame.height = 480;
    frame.format = PET_FORMAT_H264;
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    PetRing *ring = open_ring(argv[1]);
    int copy_first = strcmp(argv[2], "copy-first") == 0;
    long interval_us = atol(argv[3]);
    for (uint64_t number = 0; read_record(); number++) {
        stamp(number, interval_us);
        if (copy_first) publish_copy_first(ring, &frame);
        else publish_claim_first(ring, &frame);
    }
    munmap(ring, PET_RING_SIZE);
    return 0;
}
