/* Another program that uses the ring's semaphore: waits on it, or eats its posts without waiting.
 *
 *     waiter NAME wait|try
 *
 * Prints a line once it has the ring, then goes on until it is killed.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pet_shm.h"

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    int fd = shm_open(argv[1], O_RDWR, 0600);
    if (fd < 0) return 1;
    PetRing *ring = mmap(NULL, sizeof(PetRing), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (ring == MAP_FAILED) return 1;
    puts("attached");
    fflush(stdout);
    int waits = strcmp(argv[2], "wait") == 0;
    for (;;) {
        if (waits) {
            sem_wait(&ring->new_frame_sem);
        } else {
            while (sem_trywait(&ring->new_frame_sem) == 0) {}
            usleep(3000);
        }
    }
}
