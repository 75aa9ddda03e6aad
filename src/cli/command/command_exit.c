#include "command_exit.h"

int command_exit_of(enum status status)
{
    switch (status) {
    case STATUS_OK:
        return COMMAND_EXIT_DONE;
    case STATUS_USAGE:
        return COMMAND_EXIT_USAGE;
    case STATUS_TARGET:
    case STATUS_PERMISSION:
    case STATUS_PEER: /* what answers in the target is none of ours, or mad */
        return COMMAND_EXIT_TARGET;
    default:
        return COMMAND_EXIT_FAILED;
    }
}
