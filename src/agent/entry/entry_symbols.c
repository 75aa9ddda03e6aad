/*
 * The functions of glibc that were given a new version number when they moved from libpthread
 * into libc (2.32 and 2.34): what the linker of a newer system would bind us to, older ones
 * do not have. rejig_agent is linked with --wrap for each name, so that every room's call ends
 * here, and here the old version is named, which all have. musl ignores version numbers.
 */
#include <pthread.h>
#include <signal.h>

#if defined(__x86_64__)
#define OLDEST "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define OLDEST "GLIBC_2.17"
#endif

#if defined(OLDEST) && defined(__GLIBC__)

#define OLD(result, name, parameters, arguments)                                                   \
    result old_##name parameters;                                                                  \
    __asm__(".symver old_" #name ", " #name "@" OLDEST);                                           \
    result __wrap_##name parameters;                                                               \
    result __wrap_##name parameters                                                                \
    {                                                                                              \
        return old_##name arguments;                                                               \
    }

OLD(int, pthread_create,
    (pthread_t * thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument),
    (thread, attributes, start, argument))
OLD(int, pthread_join, (pthread_t thread, void **result), (thread, result))
OLD(int, pthread_sigmask, (int how, const sigset_t *set, sigset_t *before), (how, set, before))
OLD(int, pthread_attr_setstacksize, (pthread_attr_t * attributes, size_t bytes),
    (attributes, bytes))
OLD(int, pthread_key_create, (pthread_key_t * key, void (*destroy)(void *)), (key, destroy))
OLD(int, pthread_key_delete, (pthread_key_t key), (key))
OLD(int, pthread_setspecific, (pthread_key_t key, const void *value), (key, value))
OLD(void *, pthread_getspecific, (pthread_key_t key), (key))

#endif
