/* The slots of the Python classes that `_compiled.c` works on, and how they are read and filled. */
#ifndef SOURCE
#define SOURCE "" /* of which text this was built; hatch_build.py */
#endif

#define PY_SSIZE_T_CLEAN
#define _GNU_SOURCE
#include <Python.h>
#include <errno.h>
#include <stdint.h>
#include <structmember.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

enum { READ_SIZE = 65536, ANCILLARY_ROOM = 64, MOST_EVENTS_PER_TURN = 256, ROW = 8 }; /* as wire.py and rows.py have them */
static const long long SECOND = 1000000000, QUIET_NS = 500000000;
static char buffer[READ_SIZE];

/* -- slots ---------------------------------------------------------------------------------------------------------------- */

#define CLASSES(C) C(Connection) C(Counters) C(Head) C(Prepared) C(HttpClient) C(Exchanges) C(Rows) C(Reply)
#define SLOTS(S) \
    S(Connection, _fd) S(Connection, _tls) S(Connection, _timer) S(Connection, _waiter) S(Connection, _limit_ns) \
    S(Connection, _patience_ns) S(Connection, _socket) S(Connection, stage) S(Connection, first_ns) S(Connection, _bodiless) \
    S(Connection, _keep) S(Connection, _known) S(Connection, _most_at_once) S(Connection, _simple) S(Connection, body) \
    S(Connection, end_ns) S(Connection, got) S(Connection, head) S(Connection, put) S(Connection, seen_ns) S(Connection, sent_ns) \
    S(Connection, uses) S(Connection, _counters) S(Connection, _stamps) S(Connection, _wire) S(Counters, reads) \
    S(Head, status) S(Head, length) S(Head, raw) S(Head, last) S(Head, plain) \
    S(Prepared, origin) S(Prepared, target) S(Prepared, step) S(Prepared, keep_body) S(Prepared, wire) S(Prepared, plain) \
    S(Prepared, bodiless) \
    S(HttpClient, _idle) S(HttpClient, _place) S(HttpClient, cookies) S(HttpClient, _loop) S(HttpClient, _keep_alive) \
    S(HttpClient, _known) S(HttpClient, _tags) \
    S(Exchanges, rows) S(Rows, _at) S(Rows, _buffer) S(Rows, _end) \
    S(Reply, url) S(Reply, due_ns) S(Reply, sent_ns) S(Reply, first_ns) S(Reply, end_ns) S(Reply, seen_ns) S(Reply, head) \
    S(Reply, status) S(Reply, body) S(Reply, failure) S(Reply, reason) S(Reply, _headers)
#define CLASS_NAME(class) class,
#define SLOT_NAME(class, name) class##_##name,
#define SLOT_PLACE(class, name) {class, #name},
enum { CLASSES(CLASS_NAME) MOST_CLASSES };
enum { SLOTS(SLOT_NAME) MOST_SLOTS };
static const struct { int class; const char *name; } slots[] = {SLOTS(SLOT_PLACE)};
static PyTypeObject *classes[MOST_CLASSES];
static Py_ssize_t offsets[MOST_SLOTS];
static PyObject *busy, *idle, *zero, *no_text, *no_bytes, *CancelledError, *take_due, *offset, *tags, *GET;

#define SLOT(object, slot) (*(PyObject **)((char *)(object) + offsets[slot]))

static int is_a(PyObject *object, int class) { return Py_TYPE(object) == classes[class]; }

static PyObject *look(PyObject *object, int slot) /* borrowed */
{
    PyObject *value = SLOT(object, slot);
    return value != NULL ? value : Py_None;
}

static int give(PyObject *object, int slot, PyObject *value) /* takes the reference; fails where there is none */
{
    if (value == NULL)
        return -1;
    Py_XSETREF(SLOT(object, slot), value);
    return 0;
}

static void lend(PyObject *object, int slot, PyObject *value) { give(object, slot, Py_NewRef(value)); }

static long long whole_number(PyObject *value)
{
#if PY_VERSION_HEX < 0x030C0000 /* where PyLong_AsLongLong is slow for what is as large as a time */
    if (PyLong_CheckExact(value) && Py_SIZE(value) == 2) {
        const digit *digits = ((PyLongObject *)value)->ob_digit;
        return digits[0] | (long long)digits[1] << PyLong_SHIFT;
    }
#endif
    return PyLong_AsLongLong(value);
}

static long long number(PyObject *object, int slot) { return whole_number(look(object, slot)); }

static int give_number(PyObject *object, int slot, long long value) { return give(object, slot, PyLong_FromLongLong(value)); }

static long long monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * SECOND + now.tv_nsec;
}

static PyObject *none_if(PyObject *done) /* None for whatever a call gave, NULL for its exception */
{
    Py_XDECREF(done);
    return done == NULL ? NULL : Py_NewRef(Py_None);
}
