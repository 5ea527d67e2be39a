/* An exchange, awaited by a task: to the task a coroutine, to its connection the waiter, and while it waits its own future. */

enum { CLIENT, PREPARED, DUE, EXCUSED, OPEN, CONNECTION, FAILURE, WAKE, CONTEXT, WAY, OBJECTS }; /* WAY: the Python way's coroutine */
enum { FRESH, WAITING, DELEGATED, OVER };

typedef struct {
    PyObject_HEAD
    PyObject *of[OBJECTS];
    char state, blocking, told, cancelled;
} Exchange;

static PyTypeObject Exchange_type;

static int Exchange_traverse(Exchange *self, visitproc visit, void *arg)
{
    for (int i = 0; i < OBJECTS; i++)
        Py_VISIT(self->of[i]);
    return 0;
}

static int Exchange_clear(Exchange *self)
{
    for (int i = 0; i < OBJECTS; i++)
        Py_CLEAR(self->of[i]);
    return 0;
}

static void Exchange_dealloc(Exchange *self)
{
    PyObject_GC_UnTrack(self);
    if (self->state == FRESH) {
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        if (PyErr_WarnEx(PyExc_RuntimeWarning, "coroutine 'HttpClient.exchange' was never awaited", 1) < 0)
            PyErr_WriteUnraisable(NULL);
        PyErr_Restore(type, value, traceback);
    }
    Exchange_clear(self);
    PyObject_GC_Del(self);
}

static int wake_soon(Exchange *self)
{
    if (self->of[WAKE] == NULL)
        return 0; /* nobody waits yet: who begins to looks at `told` */
    PyObject *call = PyObject_GetAttrString(SLOT(self->of[CLIENT], HttpClient__loop), "call_soon");
    PyObject *given = Py_BuildValue("(OO)", self->of[WAKE], self), *names = Py_BuildValue("{s:O}", "context", self->of[CONTEXT]);
    PyObject *handle = call != NULL && given != NULL && names != NULL ? PyObject_Call(call, given, names) : NULL;
    Py_XDECREF(call);
    Py_XDECREF(given);
    Py_XDECREF(names);
    Py_CLEAR(self->of[WAKE]);
    Py_CLEAR(self->of[CONTEXT]);
    Py_XDECREF(handle);
    return handle == NULL ? -1 : 0;
}

static int wake_now(Exchange *self) /* from inside the wire's callback, where no task runs */
{
    PyObject *wake = self->of[WAKE], *context = self->of[CONTEXT];
    if (wake == NULL)
        return 0;
    if (PyContext_Enter(context) < 0) { /* a context that is in use */
        PyErr_Clear();
        return wake_soon(self);
    }
    self->of[WAKE] = self->of[CONTEXT] = NULL;
    PyObject *done = PyObject_CallOneArg(wake, (PyObject *)self);
    int left = PyContext_Exit(context);
    Py_XDECREF(done);
    Py_DECREF(wake);
    Py_DECREF(context);
    return done == NULL ? -1 : left;
}

static PyObject *Exchange_done(Exchange *self, PyObject *Py_UNUSED(none)) { return PyBool_FromLong(self->told || self->state != WAITING); }

static PyObject *Exchange_set_result(Exchange *self, PyObject *Py_UNUSED(result))
{
    self->told = 1;
    return wake_soon(self) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *Exchange_set_exception(Exchange *self, PyObject *failure)
{
    Py_XSETREF(self->of[FAILURE], Py_NewRef(failure));
    return Exchange_set_result(self, NULL);
}

static PyObject *Exchange_get_loop(Exchange *self, PyObject *Py_UNUSED(none))
{
    return Py_XNewRef(self->of[CLIENT] == NULL ? Py_None : look(self->of[CLIENT], HttpClient__loop));
}

static PyObject *Exchange_add_done_callback(Exchange *self, PyObject *const *given, Py_ssize_t count, PyObject *names)
{
    int one = count == 1 && names != NULL && PyTuple_GET_SIZE(names) == 1 && PyContext_CheckExact(given[1]);
    if (!one || self->state != WAITING || self->of[WAKE] != NULL)
        return PyErr_Format(PyExc_RuntimeError, "an exchange is awaited by one task");
    self->of[WAKE] = Py_NewRef(given[0]);
    self->of[CONTEXT] = Py_NewRef(given[1]);
    return self->told && wake_soon(self) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *Exchange_cancel(Exchange *self, PyObject *Py_UNUSED(given), PyObject *Py_UNUSED(names))
{
    if (self->told || self->state != WAITING)
        Py_RETURN_FALSE;
    self->told = self->cancelled = 1;
    return wake_soon(self) < 0 ? NULL : Py_NewRef(Py_True);
}

static PyObject *Exchange_result(Exchange *self, PyObject *Py_UNUSED(none))
{
    if (!self->cancelled)
        Py_RETURN_NONE;
    PyErr_SetNone(CancelledError);
    return NULL;
}

static PyObject *Exchange_blocking(Exchange *self, void *Py_UNUSED(closure))
{
    if (self->state != WAITING) /* a coroutine and no future: asyncio.gather is to make a task of it */
        Py_RETURN_NONE;
    return PyBool_FromLong(self->blocking);
}

static int Exchange_set_blocking(Exchange *self, PyObject *value, void *Py_UNUSED(closure))
{
    self->blocking = value == Py_True;
    return 0;
}

/* -- its course --------------------------------------------------------------------------------------------------------------- */

static PyObject *exchange_for(PyObject *self, PyObject *const *given, Py_ssize_t count);

static PySendResult failed(Exchange *self)
{
    self->state = OVER;
    return PYGEN_ERROR;
}

static PySendResult go_on(Exchange *self, PyObject *value, PyObject **result)
{
    PySendResult sent = PyIter_Send(self->of[WAY], value, result);
    if (sent != PYGEN_NEXT)
        self->state = OVER;
    return sent;
}

static PySendResult delegate(Exchange *self, PyObject *way, PyObject **result) /* takes the reference */
{
    if (way == NULL)
        return failed(self);
    Py_XSETREF(self->of[WAY], way);
    self->state = DELEGATED;
    return go_on(self, Py_None, result);
}

static PySendResult begin(Exchange *self, PyObject **result) /* HttpClient.exchange up to its waiting */
{
    PyObject *client = self->of[CLIENT], *prepared = self->of[PREPARED];
    PyObject *pair = PyObject_CallMethodNoArgs(look(client, HttpClient__place), take_due);
    if (pair != NULL && PyTuple_CheckExact(pair) && PyTuple_GET_SIZE(pair) == 2) {
        self->of[DUE] = Py_NewRef(PyTuple_GET_ITEM(pair, 0));
        self->of[EXCUSED] = Py_NewRef(PyTuple_GET_ITEM(pair, 1));
    }
    else if (pair != NULL)
        PyErr_SetString(PyExc_TypeError, "take_due() answers a pair");
    Py_XDECREF(pair);
    if (self->of[DUE] == NULL)
        return failed(self);
    PyObject *open = NULL; /* connections to this origin that are free */
    if (look(client, HttpClient_cookies) == Py_None)
        open = PyDict_GetItemWithError(look(client, HttpClient__idle), look(prepared, Prepared_origin));
    Py_ssize_t last = open != NULL && PyList_CheckExact(open) ? PyList_GET_SIZE(open) - 1 : -1;
    PyObject *connection = last >= 0 ? PyList_GET_ITEM(open, last) : Py_None;
    if (PyErr_Occurred())
        return failed(self);
    if (!is_a(connection, Connection) || SLOT(connection, Connection_stage) != idle)
        return delegate(self, PyObject_CallMethod(client, "_generally", "OOO", prepared, self->of[DUE], self->of[EXCUSED]), result);
    self->of[CONNECTION] = Py_NewRef(connection);
    self->of[OPEN] = Py_NewRef(open);
    self->state = WAITING;
    PyObject *bodiless = look(prepared, Prepared_bodiless), *keep = look(prepared, Prepared_keep_body);
    PyObject *given[] = {(PyObject *)self, look(prepared, Prepared_wire), bodiless, keep};
    PyObject *sent = PyList_SetSlice(open, last, last + 1, NULL) < 0 ? NULL : exchange_for(connection, given, 4);
    if (sent == NULL)
        return failed(self);
    Py_DECREF(sent);
    if (PyObject_Not(self->of[DUE]))
        Py_SETREF(self->of[DUE], Py_NewRef(look(connection, Connection_sent_ns)));
    self->blocking = 1;
    *result = Py_NewRef((PyObject *)self);
    return PYGEN_NEXT;
}

static int add_row(PyObject *rows, PyObject *const *values) /* Rows.add */
{
    int64_t row[ROW];
    for (int i = 0; i < ROW; i++)
        row[i] = whole_number(values[i]);
    long long at = number(rows, Rows__at), end = number(rows, Rows__end);
    PyObject *bytes = look(rows, Rows__buffer);
    if (PyErr_Occurred())
        return -1;
    if (!PyByteArray_CheckExact(bytes) || at < 0 || at > PyByteArray_GET_SIZE(bytes) - (Py_ssize_t)sizeof row) {
        PyErr_SetString(PyExc_IndexError, "a row past its buffer");
        return -1;
    }
    memcpy(PyByteArray_AS_STRING(bytes) + at, row, sizeof row);
    at += sizeof row;
    if (give_number(rows, Rows__at, at) < 0)
        return -1;
    PyObject *done = at == end ? PyObject_CallMethod(rows, "_full", NULL) : Py_NewRef(Py_None);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

static int give_back(Exchange *self, PyObject *client, PyObject *connection)
{
    if (SLOT(connection, Connection_stage) == idle && SLOT(client, HttpClient__keep_alive) == Py_True)
        return PyList_Append(self->of[OPEN], connection);
    PyObject *given = PyObject_CallMethod(client, "give_back", "OO", look(self->of[PREPARED], Prepared_origin), connection);
    Py_XDECREF(given);
    return given == NULL ? -1 : 0;
}

static PySendResult finish(Exchange *self, PyObject **result) /* HttpClient.exchange from its waking on */
{
    PyObject *client = self->of[CLIENT], *prepared = self->of[PREPARED], *connection = self->of[CONNECTION];
    PyObject *due = self->of[DUE], *excused = self->of[EXCUSED], *failure = self->of[FAILURE];
    if (!self->told) {
        PyErr_SetString(PyExc_RuntimeError, "resumed before its response came");
        return failed(self);
    }
    if (failure != NULL)
        return delegate(self, PyObject_CallMethod(client, "_without_response", "OOOOO", prepared, due, excused, connection, failure),
                        result);
    PyObject *head = look(connection, Connection_head), *step = look(prepared, Prepared_step);
    int usual = is_a(head, Head) && look(head, Head_plain) == Py_True && is_a(step, Exchanges) && is_a(look(step, Exchanges_rows), Rows);
    if (usual && (usual = PySet_Contains(look(prepared, Prepared_plain), look(head, Head_status))) < 0)
        return failed(self);
    if (!usual)
        return delegate(self, PyObject_CallMethod(client, "_finished", "OOOO", prepared, due, excused, connection), result);
    PyObject *sent = look(connection, Connection_sent_ns), *first = look(connection, Connection_first_ns);
    PyObject *end = look(connection, Connection_end_ns), *seen = look(connection, Connection_seen_ns);
    PyObject *got = look(connection, Connection_got), *put = look(connection, Connection_put);
    PyObject *const row[ROW] = {due, sent, first, end, seen, excused, got, put};
    PyObject *reply = add_row(look(step, Exchanges_rows), row) < 0 ? NULL : classes[Reply]->tp_alloc(classes[Reply], 0);
    if (reply == NULL)
        return failed(self);
    static const int places[] = {Reply_url, Reply_due_ns, Reply_sent_ns, Reply_first_ns, Reply_end_ns, Reply_seen_ns,
                                 Reply_head, Reply_status, Reply_body, Reply_failure, Reply_reason, Reply__headers};
    PyObject *const values[] = {look(prepared, Prepared_target), due, sent, first, end, seen,
                                head, look(head, Head_status), look(connection, Connection_body), Py_None, no_text, Py_None};
    for (size_t i = 0; i < Py_ARRAY_LENGTH(places); i++)
        SLOT(reply, places[i]) = Py_NewRef(values[i]);
    self->state = OVER;
    if (give_back(self, client, connection) < 0)
        Py_CLEAR(reply);
    *result = reply;
    return reply == NULL ? PYGEN_ERROR : PYGEN_RETURN;
}

static PySendResult Exchange_am_send(Exchange *self, PyObject *value, PyObject **result)
{
    *result = NULL;
    switch (self->state) {
    case FRESH: return begin(self, result);
    case WAITING: return finish(self, result);
    case DELEGATED: return go_on(self, value, result);
    }
    PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
    return PYGEN_ERROR;
}

static PyObject *Exchange_send(Exchange *self, PyObject *value)
{
    PyObject *result;
    if (Exchange_am_send(self, value, &result) == PYGEN_RETURN) {
        PyErr_SetObject(PyExc_StopIteration, result);
        Py_CLEAR(result);
    }
    return result;
}

static PyObject *Exchange_next(Exchange *self) { return Exchange_send(self, Py_None); }

static int hang_up(Exchange *self) /* whoever awaited it has given up */
{
    PyObject *closed = self->state == WAITING ? self->of[CONNECTION] : NULL;
    self->state = OVER;
    Py_CLEAR(self->of[WAKE]);
    Py_CLEAR(self->of[CONTEXT]);
    if (closed == NULL)
        return 0;
    closed = PyObject_CallMethod(closed, "close", NULL);
    Py_XDECREF(closed);
    return closed == NULL ? -1 : 0;
}

static PyObject *Exchange_throw(Exchange *self, PyObject *given)
{
    PyObject *type, *value = Py_None, *traceback;
    if (self->state == DELEGATED) {
        PyObject *throw = PyObject_GetAttrString(self->of[WAY], "throw");
        PyObject *result = throw == NULL ? NULL : PyObject_Call(throw, given, NULL);
        Py_XDECREF(throw);
        self->state = result == NULL ? OVER : DELEGATED;
        return result;
    }
    if (!PyArg_UnpackTuple(given, "throw", 1, 3, &type, &value, &traceback) || hang_up(self) < 0)
        return NULL;
    if (PyExceptionInstance_Check(type))
        PyErr_SetObject((PyObject *)Py_TYPE(type), type);
    else if (PyExceptionClass_Check(type))
        PyErr_SetObject(type, value);
    else
        PyErr_SetString(PyExc_TypeError, "throw() takes an exception");
    return NULL;
}

static PyObject *Exchange_close(Exchange *self, PyObject *Py_UNUSED(none))
{
    if (self->state != DELEGATED)
        return hang_up(self) < 0 ? NULL : Py_NewRef(Py_None);
    self->state = OVER;
    return none_if(PyObject_CallMethod(self->of[WAY], "close", NULL));
}

#define METHOD(name, flags) {#name, (PyCFunction)(void (*)(void))Exchange_##name, flags, NULL}
static PyMethodDef Exchange_methods[] = {
    METHOD(done, METH_NOARGS), METHOD(set_result, METH_O), METHOD(set_exception, METH_O), METHOD(get_loop, METH_NOARGS),
    METHOD(add_done_callback, METH_FASTCALL | METH_KEYWORDS), METHOD(cancel, METH_VARARGS | METH_KEYWORDS), METHOD(result, METH_NOARGS),
    METHOD(send, METH_O), METHOD(throw, METH_VARARGS), METHOD(close, METH_NOARGS), {NULL}};
static PyGetSetDef Exchange_attributes[] = {
    {"_asyncio_future_blocking", (getter)Exchange_blocking, (setter)Exchange_set_blocking, NULL, NULL}, {NULL}};
static PyAsyncMethods Exchange_async = {.am_await = Py_NewRef, .am_send = (sendfunc)Exchange_am_send};
static PyTypeObject Exchange_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "loadstone.clients._compiled.Exchange",
    .tp_basicsize = sizeof(Exchange), .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_alloc = PyType_GenericAlloc, .tp_dealloc = (destructor)Exchange_dealloc, .tp_traverse = (traverseproc)Exchange_traverse,
    .tp_clear = (inquiry)Exchange_clear, .tp_as_async = &Exchange_async, .tp_iternext = (iternextfunc)Exchange_next,
    .tp_methods = Exchange_methods, .tp_getset = Exchange_attributes,
};

static PyObject *exchange(PyObject *self, PyObject *prepared) /* HttpClient.exchange */
{
    if (!is_a(prepared, Prepared))
        return PyErr_Format(PyExc_TypeError, "not a prepared request: %.100s", Py_TYPE(prepared)->tp_name);
    Exchange *made = (Exchange *)Exchange_type.tp_alloc(&Exchange_type, 0);
    if (made != NULL) {
        made->of[CLIENT] = Py_NewRef(self);
        made->of[PREPARED] = Py_NewRef(prepared);
    }
    return (PyObject *)made;
}

static PyObject *get(PyObject *self, PyObject *const *given, Py_ssize_t count, PyObject *names) /* HttpClient.get */
{
    PyObject *same = count != 1 || names != NULL ? NULL : PyObject_GetAttr(look(self, HttpClient__place), tags), *prepared = NULL;
    if (same != NULL && same == SLOT(self, HttpClient__tags)) {
        PyObject *key = PyTuple_Pack(2, GET, given[0]);
        prepared = key == NULL ? NULL : PyDict_GetItemWithError(look(self, HttpClient__known), key);
        Py_XDECREF(key);
    }
    Py_XDECREF(same);
    if (prepared != NULL)
        return exchange(self, prepared);
    PyObject *general = PyErr_Occurred() ? NULL : PyObject_GetAttrString(self, "get_in_python");
    PyObject *made = general == NULL ? NULL : PyObject_Vectorcall(general, given, (size_t)count, names);
    Py_XDECREF(general);
    return made;
}

