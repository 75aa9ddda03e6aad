#include "output_judge.h"

struct judging {
    const struct plan_probe *probe;
    uint64_t tests;
    uint64_t elapsed_ns;
    uint32_t index; /* of the next node */
    uint32_t leaf;  /* of the next comparison */
};

bool judge_needed(const struct plan_probe *probe)
{
    for (uint32_t i = 0; i < probe->node_count; i++) {
        uint32_t root = probe->nodes[i].path.root;
        if (probe->nodes[i].kind >= PLAN_NODE_EQ && root >= PLAN_ROOT_RET)
            return true;
    }
    return false;
}

static bool compare(uint32_t kind, uint64_t left, uint64_t right)
{
    switch (kind) {
    case PLAN_NODE_EQ:
        return left == right;
    case PLAN_NODE_NE:
        return left != right;
    case PLAN_NODE_LT:
        return left < right;
    case PLAN_NODE_LE:
        return left <= right;
    case PLAN_NODE_GT:
        return left > right;
    default:
        return left >= right;
    }
}

/* Depth is bounded by PLAN_MAX_NODES. Both sides are always walked: the leaves are counted. */
static bool judge(struct judging *judging)
{
    if (judging->index >= judging->probe->node_count)
        return false;
    const struct plan_node *node = &judging->probe->nodes[judging->index++];
    if (node->kind == PLAN_NODE_NOT)
        return !judge(judging);
    if (node->kind == PLAN_NODE_AND || node->kind == PLAN_NODE_OR) {
        bool left = judge(judging);
        bool right = judge(judging);
        return node->kind == PLAN_NODE_AND ? left && right : left || right;
    }
    uint32_t leaf = judging->leaf++;
    if (node->path.root == PLAN_ROOT_ELAPSED)
        return compare(node->kind, judging->elapsed_ns, node->constant.low);
    return leaf < 64 && (judging->tests >> leaf & 1);
}

bool judge_condition(const struct plan_probe *probe, uint64_t tests, uint64_t elapsed_ns)
{
    struct judging judging = {.probe = probe, .tests = tests, .elapsed_ns = elapsed_ns};
    return probe->node_count == 0 || judge(&judging);
}
