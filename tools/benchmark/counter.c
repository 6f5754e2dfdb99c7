/*
 * Counts the RTP packets of one viewer's socket.
 *
 * Strategy: RTP headers are in clear, so a packet is worth a few integers and is never decrypted.
 * Packets are taken many at a time; the clock is read once for each time. What is not RTP is handed
 * back. In C, because at 50 viewers Python would need a core for this that the server has to have.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64, DATAGRAM_MAX = 2048, OTHERS_MAX = 64, SEARCHED = 64 };
enum { FULL = -1, FAILED = -2 };

/* All packets with one RTP timestamp; sequence numbers are not cut to 16 bits. */
struct unit {
    uint32_t timestamp;
    uint32_t packets;
    int64_t first, last;
    int64_t complete_ns; /* when the packet with the marker came; 0 if it did not */
};

struct viewer {
    int64_t highest; /* sequence number; -1 before the first packet */
    int64_t count, capacity;
    struct unit *units;
};

struct other {
    uint8_t data[DATAGRAM_MAX];
    uint32_t size;
    uint32_t address; /* IPv4, network order */
    uint16_t port;
};

static struct unit *find(struct viewer *viewer, uint32_t timestamp, int64_t sequence)
{
    for (int64_t i = viewer->count - 1; i >= 0 && i >= viewer->count - SEARCHED; i--)
        if (viewer->units[i].timestamp == timestamp)
            return &viewer->units[i];
    if (viewer->count == viewer->capacity)
        return 0;
    struct unit *unit = &viewer->units[viewer->count++];
    *unit = (struct unit){.timestamp = timestamp, .first = sequence, .last = sequence};
    return unit;
}

static int count(struct viewer *viewer, const uint8_t *packet, int64_t now_ns)
{
    uint16_t low = packet[2] << 8 | packet[3];
    if (viewer->highest < 0)
        viewer->highest = 0x10000 + low; /* so that one that came late is not below zero */
    int64_t sequence = viewer->highest + (int16_t)(low - (uint16_t)viewer->highest);
    if (sequence > viewer->highest)
        viewer->highest = sequence;
    uint32_t timestamp = (uint32_t)packet[4] << 24 | packet[5] << 16 | packet[6] << 8 | packet[7];
    struct unit *unit = find(viewer, timestamp, sequence);
    if (!unit)
        return FULL;
    unit->packets++;
    if (sequence < unit->first)
        unit->first = sequence;
    if (sequence > unit->last)
        unit->last = sequence;
    if (packet[1] & 0x80)
        unit->complete_ns = now_ns;
    return 0;
}

static int is_rtp(const uint8_t *packet) /* RFC 5761 section 4, RFC 7983 */
{
    return (packet[0] & 0xC0) == 0x80 && (packet[1] < 192 || packet[1] > 223);
}

/* Read a socket until it is empty. Returns how many other datagrams came, or FULL, or FAILED. */
int drain(int fd, struct viewer *viewer, struct other *others)
{
    static uint8_t buffers[BATCH][DATAGRAM_MAX];
    struct sockaddr_in from[BATCH];
    struct iovec parts[BATCH];
    struct mmsghdr messages[BATCH];
    int found = 0;
    for (;;) {
        for (int i = 0; i < BATCH; i++) {
            parts[i] = (struct iovec){buffers[i], DATAGRAM_MAX};
            messages[i].msg_hdr = (struct msghdr){
                .msg_name = &from[i], .msg_namelen = sizeof from[i],
                .msg_iov = &parts[i], .msg_iovlen = 1};
        }
        int came = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, 0);
        if (came < 0)
            return errno == EAGAIN || errno == EINTR ? found : FAILED;
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        for (int i = 0; i < came; i++) {
            if (messages[i].msg_len >= 12 && is_rtp(buffers[i])) {
                if (count(viewer, buffers[i], now.tv_sec * 1000000000LL + now.tv_nsec))
                    return FULL;
            } else if (found < OTHERS_MAX) {
                struct other *other = &others[found++];
                __builtin_memcpy(other->data, buffers[i], messages[i].msg_len);
                other->size = messages[i].msg_len;
                other->address = from[i].sin_addr.s_addr;
                other->port = ntohs(from[i].sin_port);
            }
        }
        if (came < BATCH)
            return found;
    }
}
