/*
 * command_children: the .NET children of -- PROGRAM, which are not probed, and so are named.
 */
#ifndef COMMAND_CHILDREN_H
#define COMMAND_CHILDREN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CHILDREN_MAX 256

struct session;

struct child {
    pid_t pid;
    unsigned looks;  /* so far; most processes are not .NET and never will be */
    bool was_dotnet; /* at the last look */
    bool told;
};

struct children {
    uint64_t looked; /* monotonic */
    unsigned round;
    size_t count;
    struct child items[CHILDREN_MAX]; /* beyond it they are not named */
};

/* Names each child once, as soon as it is seen: a line on stderr, and a notice in the stream. Does
 * nothing until it is time again. One that lives for less than about 50 ms may be missed. */
void children_look(struct session *session, uint64_t now);

#endif
