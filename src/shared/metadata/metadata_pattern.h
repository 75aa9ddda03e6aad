/*
 * metadata_pattern: the user's words for methods.
 *
 *   Shop.OrderService.Place        parts at dots; a suffix of the full name is enough:
 *   OrderService.Place             the parts before it may be anything
 *   Shop.*.Get*                    * within one part
 *   Shop.**.Get*, Shop.**Repository.*    ** any number of parts
 *   Repository<*>.Find<T>          arity by the number of arguments (what they are does not
 *                                  matter); without <> any arity; Repository`1 and Find[T]
 *                                  as stack traces write it
 *   Outer+Inner.M, Outer.Inner.M   nested types
 *   Type..ctor  Type..cctor  Type.get_Name  Type.this[]
 *   Type.Name                      where no method has the name: the accessors of the
 *                                  property or event Name, and explicit implementations
 *   Type.IOrders.Place             one explicit implementation
 *   Type.Method(int, string)       parameters by C# type texts: (), (int, ..), (List<*>),
 *                                  (Shop.Order), (ref int); as stack traces write them too:
 *                                  (Int32 id, List`1 items)
 *   App.dll!Ns.Type.Method         only in that module (App! works too)
 *   Type.Method+Local              a local function; + wildcards
 *   Type.Method+lambda             all lambdas in Method; Type.Method+lambda@LINE
 *   Orders.cs:45                   the method that holds the line (portable pdb)
 *      at Shop.Orders.Place(Order order) in /src/Orders.cs:line 45
 *                                  a line of a stack trace, whole; state machines and
 *                                  <>c names in it lead to the source's method
 *
 * Async methods and iterators match by their source name and are reported as their kickoff;
 * MoveNext, lambdas and local functions only where a pattern asks for them. Names compare
 * with regard to case.
 *
 * A parsed pattern is read-only: any thread. It copies its text.
 */
#ifndef METADATA_PATTERN_H
#define METADATA_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_arena.h"
#include "base_buffer.h"
#include "base_error.h"
#include "clr_token.h"
#include "metadata_image.h"
#include "metadata_pdb.h"

#define METADATA_PATTERN_MAX_PARTS 32
#define METADATA_PATTERN_MAX_TEXT  4096

struct metadata_pattern; /* opaque: lives on the arena given to parse */

/* STATUS_USAGE with error->offset = the column (bytes from 0) and a hint. */
enum status metadata_pattern_parse(const char *text, struct arena *arena,
                                   const struct metadata_pattern **pattern, struct error *error);
/* As the user wrote it. */
const char *metadata_pattern_text(const struct metadata_pattern *pattern);
/* FILE:LINE and +lambda@LINE need symbols. */
bool metadata_pattern_needs_lines(const struct metadata_pattern *pattern);
/* False where the pattern names another module. `module`: a file name or path
 * ("/app/Shop.dll") or a bare assembly name. */
bool metadata_pattern_allows_module(const struct metadata_pattern *pattern, const char *module);

/* Called per method in token order; false stops. */
typedef bool (*metadata_pattern_found)(void *context, mdToken method);

struct metadata_pattern_result {
    size_t methods; /* told to the callback */
    size_t types;   /* types whose name matched, with such a method or without */
    bool excluded;  /* the pattern names another module */
    bool no_lines;  /* the pattern needs symbols and pdb was NULL */
    bool elsewhere; /* nothing here, and another module might have it: no type of that name
                       is here, or the name has wildcards */
};

/* Finds the methods of one image. `pdb` may be NULL. `result` may be NULL. */
void metadata_pattern_match(const struct metadata_pattern *pattern,
                            const struct metadata_image *image, const struct metadata_pdb *pdb,
                            metadata_pattern_found found, void *context,
                            struct metadata_pattern_result *result);
/* False: the image lacks a word that stands in front of the method's name, so no method of it can
 * match (and none of its types); a look that takes a tenth of metadata_pattern_match's time.
 * `known`, empty at first, is for all patterns that are looked for in this image. */
struct map;
bool metadata_pattern_may_match(const struct metadata_pattern *pattern,
                                const struct metadata_image *image, struct map *known);
/* One method against the pattern. */
bool metadata_pattern_matches(const struct metadata_pattern *pattern,
                              const struct metadata_image *image, const struct metadata_pdb *pdb,
                              mdToken method);

/* Appends up to `most` names near to the pattern, best first, joined by ", ": for the hint
 * of "no method matches". Nothing where nothing is near. */
void metadata_pattern_nearest(const struct metadata_pattern *pattern,
                              const struct metadata_image *const *images, size_t count, size_t most,
                              struct buffer *text);

#endif
