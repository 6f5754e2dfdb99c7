/* Prints what the C compiler makes of the generated header: one offset or size a line. */
#include <stdio.h>

#include "pet_shm.h"

#define SIZE(type) printf("%s %zu\n", #type, sizeof(Pet##type));
#define FIELD(type, field) \
    printf("%s.%s %zu %zu\n", #type, #field, offsetof(Pet##type, field), sizeof(((Pet##type *)0)->field));

int main(void) {
    SIZE(Timespec)
    FIELD(Timespec, tv_sec)
    FIELD(Timespec, tv_nsec)
    SIZE(Frame)
    FIELD(Frame, frame_number)
    FIELD(Frame, timestamp)
    FIELD(Frame, camera_id)
    FIELD(Frame, width)
    FIELD(Frame, height)
    FIELD(Frame, format)
    FIELD(Frame, data_size)
    FIELD(Frame, data)
    SIZE(Ring)
    FIELD(Ring, write_index)
    FIELD(Ring, frame_interval_ms)
    FIELD(Ring, new_frame_sem)
    FIELD(Ring, frames)
    SIZE(Detection)
    FIELD(Detection, class_name)
    FIELD(Detection, confidence)
    FIELD(Detection, x)
    FIELD(Detection, y)
    FIELD(Detection, w)
    FIELD(Detection, h)
    SIZE(Detections)
    FIELD(Detections, frame_number)
    FIELD(Detections, timestamp)
    FIELD(Detections, num_detections)
    FIELD(Detections, detections)
    FIELD(Detections, version)
    FIELD(Detections, update_sem)
    return 0;
}
