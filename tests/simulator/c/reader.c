/* A reader in small: takes one slot for each post, in order, and writes it to stdout as it stands.
 *
 *   reader NAME COUNT  ->  "ready" on stderr, then COUNT times the slot's header and its data
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "pet_shm.h"

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void write_all(const void *bytes, size_t size) {
    if (fwrite(bytes, 1, size, stdout) != size) fail("stdout");
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    int fd = shm_open(argv[1], O_RDWR, 0);
    if (fd < 0) fail(argv[1]);
    PetRing *ring = mmap(NULL, PET_RING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (ring == MAP_FAILED) fail("mmap");
    close(fd);
    uint32_t next = atomic_load(&ring->write_index);
    fputs("ready\n", stderr);
    for (long left = atol(argv[2]); left > 0; left--, next++) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += 30;
        if (sem_timedwait(&ring->new_frame_sem, &until) != 0) fail("sem_timedwait");
        const PetFrame *frame = &ring->frames[next % PET_RING_SLOTS];
        if (frame->data_size > PET_DATA_SIZE_MAX) return 1;
        write_all(frame, offsetof(PetFrame, data));
        write_all(frame->data, frame->data_size);
        fflush(stdout);
    }
    munmap(ring, PET_RING_SIZE);
    return ferror(stdout) ? 1 : 0;
}
