/* A reader of its own, written from the contract: waits for one post and prints the slot.
 *
 *   ring_reader NAME  ->  "ready", then one line with the header, then the data
 */
#include <fcntl.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>

struct frame {
    uint64_t frame_number;
    struct timespec timestamp;
    int32_t camera_id, width, height, format;
    uint64_t data_size;
    uint8_t data[3110400];
};

struct ring {
    _Atomic uint32_t write_index;
    uint32_t frame_interval_ms;
    sem_t new_frame_sem;
    struct frame frames[30];
};

int main(int argc, char **argv)
{
    int fd = argc == 2 ? shm_open(argv[1], O_RDWR, 0) : -1;
    if (fd < 0) {
        perror("shm_open");
        return 1;
    }
    struct ring *ring = mmap(NULL, sizeof *ring, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (ring == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    puts("ready");
    fflush(stdout);

    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 30;
    if (sem_timedwait(&ring->new_frame_sem, &until) != 0) {
        perror("sem_timedwait");
        return 1;
    }
    uint32_t index = ring->write_index;
    const struct frame *frame = &ring->frames[(index - 1) % 30];
    printf("%zu %u %llu %lld %ld %d %d %d %d %llu\n", sizeof *ring, index,
           (unsigned long long)frame->frame_number, (long long)frame->timestamp.tv_sec,
           frame->timestamp.tv_nsec, frame->camera_id, frame->width, frame->height,
           frame->format, (unsigned long long)frame->data_size);
    fwrite(frame->data, 1, frame->data_size, stdout);
    return 0;
}
