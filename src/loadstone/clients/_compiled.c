/* The usual exchange in C: twins of the functions that every request passes in wire.py, connection.py and http.py.
 *
 * They work on the objects of the Python classes, on the very slots that the Python code reads and writes, and do only what is
 * usual: a request that leaves in one piece, and a whole response in one read under a head that was seen before. Anything else
 * is handed to the Python way in the state in which that way would stand itself. Decision 0011.
 *
 * Nothing here can block, so the interpreter's lock is kept throughout and one buffer serves all reads.
 */
#include "_compiled_slots.h"
#include "_compiled_exchange.h" /* which needs the slots */

/* -- a connection ------------------------------------------------------------------------------------------------------------- */

static PyObject *os_error(int code) { return PyObject_CallFunction(PyExc_OSError, "is", code, strerror(code)); }

static int for_later(int code) { return code == EAGAIN || code == EWOULDBLOCK || code == EINTR; }

static PyObject *exchange_for(PyObject *self, PyObject *const *given, Py_ssize_t count) /* Connection.exchange_for */
{
    if (count != 4)
        return PyErr_Format(PyExc_TypeError, "exchange_for(waiter, request, bodiless, keep)");
    PyObject *waiter = given[0], *request = given[1], *bodiless = given[2], *keep = given[3];
    long long sent = monotonic_ns(), seen = number(self, Connection_seen_ns), patience = number(self, Connection__patience_ns);
    long long fd = number(self, Connection__fd);
    if (PyErr_Occurred())
        return NULL;
    int usual = look(self, Connection__tls) == Py_None && look(self, Connection__timer) != Py_None && PyBytes_CheckExact(request);
    if (!usual || sent - seen > QUIET_NS)
        return PyObject_CallMethod(self, "exchange_for_in_python", "OOOO", waiter, request, bodiless, keep);
    Py_ssize_t size = PyBytes_GET_SIZE(request);
    long long uses = number(self, Connection_uses) + 1;
    if (give_number(self, Connection_sent_ns, sent) < 0 || give_number(self, Connection__limit_ns, sent + patience) < 0 ||
        give_number(self, Connection_put, size) < 0 || give_number(self, Connection_uses, uses) < 0)
        return NULL;
    lend(self, Connection__waiter, waiter);
    lend(self, Connection_stage, busy);
    lend(self, Connection__bodiless, bodiless);
    lend(self, Connection__keep, keep);
    lend(self, Connection_first_ns, zero);
    lend(self, Connection_got, zero);
    Py_ssize_t taken = send((int)fd, PyBytes_AS_STRING(request), (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (taken == size) {
        lend(self, Connection__simple, bodiless == Py_False ? Py_True : Py_False);
        Py_RETURN_NONE;
    }
    PyObject *what = taken >= 0 || for_later(errno) ? PyLong_FromSsize_t(Py_MAX(taken, 0)) : os_error(errno);
    return what == NULL ? NULL : PyObject_CallMethod(self, "_unsent", "ON", request, what);
}

static PyObject *known_head(PyObject *self, Py_ssize_t got, Py_ssize_t *size) /* borrowed; NULL when it was not seen before */
{
    PyObject *head = look(self, Connection_head), *raw = is_a(head, Head) ? look(head, Head_raw) : Py_None;
    if (PyBytes_CheckExact(raw)) { /* nearly always that of the response before */
        *size = PyBytes_GET_SIZE(raw);
        if (*size > 0 && *size <= got && memcmp(buffer, PyBytes_AS_STRING(raw), (size_t)*size) == 0)
            return head;
    }
    char *end = memmem(buffer, (size_t)got, "\r\n\r\n", 4);
    if (end == NULL)
        return NULL;
    *size = end + 4 - buffer;
    raw = PyBytes_FromStringAndSize(buffer, *size);
    head = raw == NULL ? NULL : PyDict_GetItemWithError(look(self, Connection__known), raw);
    Py_XDECREF(raw);
    return head;
}

static PyObject *tell(PyObject *self)
{
    PyObject *waiter = SLOT(self, Connection__waiter), *done = NULL;
    SLOT(self, Connection__waiter) = Py_NewRef(Py_None);
    if (waiter != NULL && Py_IS_TYPE(waiter, &Exchange_type)) {
        Exchange *exchange = (Exchange *)waiter;
        int told = exchange->told || exchange->state != WAITING;
        exchange->told = 1;
        done = told || wake_now(exchange) == 0 ? Py_NewRef(Py_None) : NULL;
    }
    else if (waiter == NULL || waiter == Py_None)
        done = Py_NewRef(Py_None);
    else if ((done = PyObject_CallMethod(waiter, "done", NULL)) == Py_False)
        Py_SETREF(done, PyObject_CallMethod(waiter, "set_result", "O", Py_None));
    Py_XDECREF(waiter);
    return none_if(done);
}

/* A whole response in one read: 1 when it was one, 0 when it is for the Python way, -1 for an exception. */
static int take_whole(PyObject *self, Py_ssize_t got, const struct timespec *stamp, long long seen)
{
    Py_ssize_t size = 0;
    PyObject *head = known_head(self, got, &size), *counters = look(self, Connection__counters);
    if (head == NULL || !is_a(head, Head) || look(head, Head_last) != Py_False || !is_a(counters, Counters))
        return PyErr_Occurred() ? -1 : 0;
    long long length = number(head, Head_length), most = number(self, Connection__most_at_once), sent = number(self, Connection_sent_ns);
    if (PyErr_Occurred() || length != got - size || got > most)
        return PyErr_Occurred() ? -1 : 0;
    PyObject *apart = PyObject_GetAttr(look(self, Connection__stamps), offset), *end_ns;
    long long end = apart == NULL ? 0 : stamp->tv_sec * SECOND + stamp->tv_nsec - PyLong_AsLongLong(apart);
    Py_XDECREF(apart);
    if (PyErr_Occurred())
        return -1;
    if (sent <= end && end <= seen)
        end_ns = PyLong_FromLongLong(end);
    else
        end_ns = PyObject_CallMethod(look(self, Connection__wire), "doubted", "LLL", end, sent, seen);
    PyObject *body = look(self, Connection__keep) == Py_True ? PyBytes_FromStringAndSize(buffer + size, got - size) : Py_NewRef(no_bytes);
    lend(self, Connection_head, head); /* it may be held by a dictionary that others empty */
    int missing = give(self, Connection_body, body) < 0;
    if (give(self, Connection_end_ns, end_ns) < 0 || missing || give_number(self, Connection_seen_ns, seen) < 0 ||
        give_number(self, Connection_got, got) < 0 || give_number(counters, Counters_reads, number(counters, Counters_reads) + 1) < 0)
        return -1;
    lend(self, Connection_first_ns, end_ns);
    lend(self, Connection__limit_ns, zero);
    lend(self, Connection_stage, idle);
    lend(self, Connection__simple, Py_False);
    return 1;
}

static PyObject *on_events(PyObject *self, PyObject *events) /* Connection._on_events */
{
    if (look(self, Connection__simple) != Py_True || PyLong_AsLong(events) != EPOLLIN || look(self, Connection__socket) == Py_None)
        return PyErr_Occurred() ? NULL : PyObject_CallMethod(self, "on_events_in_python", "(O)", events);
    char ancillary[ANCILLARY_ROOM] __attribute__((aligned(8)));
    struct iovec room = {buffer, READ_SIZE};
    struct msghdr message = {.msg_iov = &room, .msg_iovlen = 1, .msg_control = ancillary, .msg_controllen = sizeof ancillary};
    Py_ssize_t got = recvmsg((int)number(self, Connection__fd), &message, MSG_DONTWAIT);
    if (got < 0 && for_later(errno))
        Py_RETURN_NONE;
    if (got < 0) {
        PyObject *error = os_error(errno);
        return error == NULL ? NULL : PyObject_CallMethod(self, "_on_unreadable", "(N)", error);
    }
    long long seen = monotonic_ns();
    struct cmsghdr *first = CMSG_FIRSTHDR(&message);
    struct timespec stamp;
    int stamped = first != NULL && first->cmsg_type == SO_TIMESTAMPNS && first->cmsg_len >= CMSG_LEN(sizeof stamp);
    if (!stamped)
        return PyObject_CallMethod(self, "_on_read", "y#[]L", buffer, got, seen);
    memcpy(&stamp, CMSG_DATA(first), sizeof stamp);
    int whole = take_whole(self, got, &stamp, seen);
    if (whole != 0)
        return whole < 0 ? NULL : tell(self);
    Py_ssize_t size = sizeof stamp;
    return PyObject_CallMethod(self, "_on_read", "y#[(iiy#)]L", buffer, got, SOL_SOCKET, SO_TIMESTAMPNS, (char *)&stamp, size, seen);
}

/* -- the wire ----------------------------------------------------------------------------------------------------------------- */

static PyObject *turn(PyObject *Py_UNUSED(module), PyObject *const *given, Py_ssize_t count) /* Wire._ready */
{
    struct epoll_event events[MOST_EVENTS_PER_TURN];
    if (count != 2 || !PyDict_CheckExact(given[1]))
        return PyErr_Format(PyExc_TypeError, "turn(poll_fd, handlers)");
    int ready = epoll_wait((int)PyLong_AsLong(given[0]), events, MOST_EVENTS_PER_TURN, 0);
    if (ready < 0 && errno != EINTR)
        return PyErr_SetFromErrno(PyExc_OSError);
    for (int i = 0; i < ready; i++) {
        PyObject *fd = PyLong_FromLong(events[i].data.fd), *which = PyLong_FromUnsignedLong(events[i].events);
        PyObject *handler = fd == NULL || which == NULL ? NULL : Py_XNewRef(PyDict_GetItemWithError(given[1], fd));
        PyObject *done = handler != NULL ? PyObject_CallOneArg(handler, which) : PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
        Py_XDECREF(fd);
        Py_XDECREF(which);
        Py_XDECREF(handler); /* none: closed by an earlier handler of this turn */
        if (done == NULL)
            return NULL;
        Py_DECREF(done);
    }
    Py_RETURN_NONE;
}

/* -- the module --------------------------------------------------------------------------------------------------------------- */

static PyMethodDef twins[] = {{"_on_events", on_events, METH_O, NULL},
                              {"exchange_for", (PyCFunction)(void (*)(void))exchange_for, METH_FASTCALL, NULL},
                              {"exchange", exchange, METH_O, NULL},
                              {"get", (PyCFunction)(void (*)(void))get, METH_FASTCALL | METH_KEYWORDS, NULL}};

static PyObject *bind_classes(PyObject *Py_UNUSED(module), PyObject *given)
{
    if (PyTuple_GET_SIZE(given) != MOST_CLASSES)
        return PyErr_Format(PyExc_TypeError, "bind() takes %d classes", MOST_CLASSES);
    for (int i = 0; i < MOST_CLASSES; i++)
        Py_XSETREF(classes[i], (PyTypeObject *)Py_NewRef(PyTuple_GET_ITEM(given, i)));
    for (int i = 0; i < MOST_SLOTS; i++) {
        PyObject *member = PyObject_GetAttrString((PyObject *)classes[slots[i].class], slots[i].name);
        if (member == NULL)
            return NULL;
        PyMemberDef *where = Py_IS_TYPE(member, &PyMemberDescr_Type) ? ((PyMemberDescrObject *)member)->d_member : NULL;
        Py_DECREF(member); /* its class holds it */
        if (where == NULL || where->type != T_OBJECT_EX)
            return PyErr_Format(PyExc_TypeError, "%s: not a slot", slots[i].name);
        offsets[i] = where->offset;
    }
    return Py_BuildValue("NNNN", PyDescr_NewMethod(classes[Connection], &twins[0]), PyDescr_NewMethod(classes[Connection], &twins[1]),
                         PyDescr_NewMethod(classes[HttpClient], &twins[2]), PyDescr_NewMethod(classes[HttpClient], &twins[3]));
}

static PyMethodDef functions[] = {
    {"bind", bind_classes, METH_VARARGS, "Learn where the slots of the classes lie; gives the functions in the order of `twins`."},
    {"turn", (PyCFunction)(void (*)(void))turn, METH_FASTCALL, "Take what is ready and call the handlers: turn(poll_fd, handlers)."},
    {NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "_compiled", .m_size = -1, .m_methods = functions};

PyMODINIT_FUNC PyInit__compiled(void)
{
    PyObject *asyncio = PyImport_ImportModule("asyncio");
    CancelledError = asyncio == NULL ? NULL : PyObject_GetAttrString(asyncio, "CancelledError");
    Py_XDECREF(asyncio);
    busy = PyUnicode_InternFromString("busy");
    idle = PyUnicode_InternFromString("idle");
    take_due = PyUnicode_InternFromString("take_due");
    offset = PyUnicode_InternFromString("offset");
    tags = PyUnicode_InternFromString("tags");
    GET = PyUnicode_InternFromString("GET");
    no_text = PyUnicode_InternFromString("");
    no_bytes = PyBytes_FromString("");
    zero = PyLong_FromLong(0);
    int names = busy && idle && take_due && offset && tags && GET && no_text;
    if (!names || !CancelledError || !no_bytes || !zero || PyType_Ready(&Exchange_type) < 0)
        return NULL;
    PyObject *module = PyModule_Create(&definition);
    if (module != NULL && PyModule_AddStringConstant(module, "SOURCE", SOURCE) < 0)
        Py_CLEAR(module);
    return module;
}
