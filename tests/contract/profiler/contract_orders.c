#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "contract_profiler.h"

#define WORDS 65536

static FILE *link_in, *link_out;

uint64_t order_number(const struct order *order, int word)
{
    return word < order->count ? strtoull(order->words[word], NULL, 0) : 0;
}

void order_result(const struct order *order, HRESULT result)
{
    fprintf(order->out, "{\"hr\": %u}", (uint32_t)result);
}

static bool own_order(const struct order *order)
{
    const char *name = order->words[0];
    struct ICorProfilerInfo15 *info = contract_info;
    if (!strcmp(name, "mask")) {
        order_result(order, info->vtbl->SetEventMask2(info, (uint32_t)order_number(order, 1),
                                                      (uint32_t)order_number(order, 2)));
    } else if (!strcmp(name, "when")) {
        order_result(order, rule_add(order->words + 1, order->count - 1) ? S_OK : E_INVALIDARG);
    } else if (!strcmp(name, "forget")) {
        rules_forget();
        order_result(order, S_OK);
    } else if (!strcmp(name, "open")) {
        gate_open(order->count > 1 ? order->words[1] : "");
        order_result(order, S_OK);
    } else if (!strcmp(name, "notes")) {
        const bool all = order->count < 3;
        notes_write(order->out, order_number(order, 1), order->words + 2,
                    all ? 0 : order->count - 2);
    } else if (!strcmp(name, "mark")) {
        fprintf(order->out, "{\"hr\": 0, \"count\": %zu}", notes_count());
    } else if (!strcmp(name, "gc")) {
        order_result(order, info->vtbl->ForceGC(info));
    } else if (!strcmp(name, "suspend")) {
        order_result(order, info->vtbl->SuspendRuntime(info));
    } else if (!strcmp(name, "resume")) {
        order_result(order, info->vtbl->ResumeRuntime(info));
    } else if (!strcmp(name, "go")) {
        order_result(order, S_OK);
    } else {
        return false;
    }
    return true;
}

static int split(char *line, char **words)
{
    char *rest = NULL;
    int count = 0;
    for (char *word = strtok_r(line, " \n", &rest); word && count < WORDS;
         word = strtok_r(NULL, " \n", &rest))
        words[count++] = word;
    return count;
}

char *order_obey(const char *text)
{
    char *answer = NULL;
    size_t size = 0;
    char *line = strdup(text);
    char **words = calloc(WORDS, sizeof(*words));
    struct order order = {words, split(line, words), open_memstream(&answer, &size)};
    if (order.count == 0 || order.count == WORDS ||
        !(own_order(&order) || methods_order(&order) || inliners_order(&order)))
        fprintf(order.out, "{\"error\": \"no such order\"}");
    fclose(order.out);
    free(words);
    free(line);
    return answer;
}

/* Obeys until `last` (NULL: until the test has gone). False: it has gone. */
static bool obey_until(const char *last)
{
    char *line = NULL;
    size_t size = 0;
    bool more = true;
    while (more) {
        if (getline(&line, &size, link_in) <= 0)
            break;
        more = !last || strncmp(line, last, strlen(last)) != 0;
        char *answer = order_obey(line);
        fprintf(link_out, "%s\n", answer);
        fflush(link_out);
        free(answer);
    }
    free(line);
    return !more;
}

static void *obey_thread(void *unused)
{
    (void)unused;
    obey_until(NULL);
    gates_end();
    return NULL;
}

HRESULT orders_begin(const char *socket_path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    pthread_t thread;
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (strlen(socket_path) >= sizeof(address.sun_path))
        return E_INVALIDARG;
    strcpy(address.sun_path, socket_path);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        return E_FAIL;
    link_in = fdopen(fd, "r");
    link_out = fdopen(dup(fd), "w");
    if (!obey_until("go") || pthread_create(&thread, NULL, obey_thread, NULL) != 0)
        return E_FAIL;
    return S_OK;
}
