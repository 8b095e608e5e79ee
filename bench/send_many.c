// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The lightsout.wake authors
//
// send_many ADDRESS DISTINCT ROUNDS: sends magic packets by sendmmsg from a connected socket, 64 at once, and prints
// how many a second left.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64, LENGTH = 102, PORT = 9 };

static void build(unsigned char *packet, unsigned number)
{
    memset(packet, 0xff, 6);
    for (int repeat = 0; repeat < 16; repeat++) {
        unsigned char *mac = packet + 6 + 6 * repeat;
        mac[0] = 0x02;
        mac[1] = 0x4c;
        for (int byte = 0; byte < 4; byte++)
            mac[2 + byte] = number >> (24 - 8 * byte);
    }
}

static double now(void)
{
    struct timespec moment;
    clock_gettime(CLOCK_MONOTONIC, &moment);
    return moment.tv_sec + moment.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    unsigned distinct = atoi(argv[2]), rounds = atoi(argv[3]);
    unsigned char *packets = malloc((size_t)distinct * LENGTH);
    struct mmsghdr *messages = calloc(distinct, sizeof *messages);
    struct iovec *parts = calloc(distinct, sizeof *parts);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    int udp = socket(AF_INET, SOCK_DGRAM, 0), yes = 1;
    if (!packets || !messages || !parts || udp < 0 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
        return 2;
    setsockopt(udp, SOL_SOCKET, SO_BROADCAST, &yes, sizeof yes);
    if (connect(udp, (struct sockaddr *)&to, sizeof to))
        return perror("connect"), 1;
    for (unsigned number = 0; number < distinct; number++) {
        build(packets + (size_t)number * LENGTH, number);
        parts[number].iov_base = packets + (size_t)number * LENGTH;
        parts[number].iov_len = LENGTH;
        messages[number].msg_hdr.msg_iov = &parts[number];
        messages[number].msg_hdr.msg_iovlen = 1;
    }
    double began = now();
    for (unsigned round = 0; round < rounds; round++)
        for (unsigned first = 0; first < distinct;) {
            unsigned wanted = distinct - first < BATCH ? distinct - first : BATCH;
            int sent = sendmmsg(udp, messages + first, wanted, 0);
            if (sent < 1)
                return perror("sendmmsg"), 1;
            first += sent;
        }
    printf("%.0f\n", (double)distinct * rounds / (now() - began));
    return 0;
}
