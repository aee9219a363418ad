// Every operation of Arm's semihosting specification (IHI 0103, version 3.0), a line each on the semihosting console. The
// command line says what to do: nothing or "all", or one of the cases at the end.
typedef unsigned long u64;
typedef long i64;
typedef unsigned char u8;

enum {
  OPEN = 1, CLOSE, WRITEC, WRITE0, WRITE, READ, READC, ISERROR, ISTTY, SEEK, FLEN = 12, TMPNAM, REMOVE, RENAME, CLOCK, TIME,
  SYSTEM, ERRNO, GET_CMDLINE = 0x15, HEAPINFO, EXIT = 0x18, EXIT_EXTENDED = 0x20, ELAPSED = 0x30, TICKFREQ
};

u64 host(u64 operation, const void* parameter);
u64 from_el0(void);

// The compiler may call them.
void* memset(void* to, int c, u64 n) {
  volatile char* p = to;
  while (n-- > 0) *p++ = (char)c;
  return to;
}
static u64 length(const char* s) {
  u64 n = 0;
  while (s[n]) ++n;
  return n;
}
static int same(const char* a, const char* b, u64 n) {
  while (n-- > 0)
    if (*a++ != *b++) return 0;
  return 1;
}
static int equal(const char* a, const char* b) { return length(a) == length(b) && same(a, b, length(a)); }

static void text(const char* s) { host(WRITE0, s); }
static void hex(u64 v) {
  char out[20], *p = out + 19;
  *p = 0;
  do *--p = "0123456789abcdef"[v & 15];
  while (v >>= 4);
  text(p);
}
static void line(const char* what, u64 value) {
  text(what);
  text(" ");
  hex(value);
  text("\n");
}
static u64 call(u64 operation, u64 a, u64 b, u64 c, u64 d) {
  const u64 block[4] = {a, b, c, d};
  return host(operation, block);
}
static u64 open(const char* name, u64 mode) { return call(OPEN, (u64)name, mode, length(name), 0); }
static u64 failed(u64 v) { return v == ~0ul; }
static __attribute__((noreturn)) void end(u64 operation, u64 reason, u64 code) {
  call(operation, reason, code, 0, 0);
  text("still here\n");
  for (;;) continue;
}

static char buffer[200000], check[200000];

static void files(void) {
  u64 f = open("one.txt", 4);
  line("open w failed", failed(f));
  line("write", call(WRITE, f, (u64) "0123456789", 10, 0));
  line("istty", call(ISTTY, f, 0, 0, 0));
  line("flen", call(FLEN, f, 0, 0, 0));
  line("close", call(CLOSE, f, 0, 0, 0));
  line("close again failed", call(CLOSE, f, 0, 0, 0) != 0);

  f = open("one.txt", 1);
  line("seek", call(SEEK, f, 4, 0, 0));
  line("read over the end", call(READ, f, (u64)buffer, 100, 0));
  line("read bytes", same(buffer, "456789", 6));
  line("read at the end", call(READ, f, (u64)buffer, 100, 0));
  line("write to r refused", call(WRITE, f, (u64) "x", 1, 0) != 0);
  line("errno", call(ERRNO, 0, 0, 0, 0));
  call(CLOSE, f, 0, 0, 0);

  f = open("one.txt", 8);
  line("append", call(WRITE, f, (u64) "AB", 2, 0));
  line("flen", call(FLEN, f, 0, 0, 0));
  call(CLOSE, f, 0, 0, 0);
  f = open("one.txt", 3);
  line("r+b write", call(WRITE, f, (u64) "zz", 2, 0));
  line("r+b read", call(READ, f, (u64)buffer, 4, 0));
  line("r+b bytes", same(buffer, "2345", 4));
  call(CLOSE, f, 0, 0, 0);
  f = open("one.txt", 7);
  line("w+b flen", call(FLEN, f, 0, 0, 0));
  call(CLOSE, f, 0, 0, 0);

  line("open missing failed", failed(open("missing.txt", 0)));
  line("errno", call(ERRNO, 0, 0, 0, 0));
  line("open mode 12 failed", failed(open("one.txt", 12)));
  line("rename", call(RENAME, (u64) "one.txt", 7, (u64) "two.txt", 7));
  line("rename again failed", call(RENAME, (u64) "one.txt", 7, (u64) "two.txt", 7) != 0);
  line("remove", call(REMOVE, (u64) "two.txt", 7, 0, 0));
  line("remove again failed", call(REMOVE, (u64) "two.txt", 7, 0, 0) != 0);

  // Long enough to come in several pieces.
  for (u64 i = 0; i < sizeof(buffer); ++i) buffer[i] = (char)(i * 7 + (i >> 9));
  f = open("big.bin", 7);
  line("big write", call(WRITE, f, (u64)buffer, sizeof(buffer), 0));
  line("big flen", call(FLEN, f, 0, 0, 0));
  line("big seek", call(SEEK, f, 0, 0, 0));
  line("big read", call(READ, f, (u64)check, sizeof(check), 0));
  line("big bytes", same(buffer, check, sizeof(buffer)));
  line("big read at the end", call(READ, f, (u64)check, 5, 0));
  call(CLOSE, f, 0, 0, 0);
  line("big remove", call(REMOVE, (u64) "big.bin", 7, 0, 0));

  char one[64], two[64];
  line("tmpnam", call(TMPNAM, (u64)one, 5, sizeof(one), 0));
  call(TMPNAM, (u64)two, 5, sizeof(two), 0);
  line("tmpnam same", equal(one, two));
  call(TMPNAM, (u64)two, 6, sizeof(two), 0);
  line("tmpnam other", !equal(one, two));
  line("tmpnam short failed", call(TMPNAM, (u64)one, 5, 3, 0) != 0);
  f = open(two, 5);
  line("tmpnam opens", !failed(f));
  call(CLOSE, f, 0, 0, 0);
  line("tmpnam removed", call(REMOVE, (u64)two, length(two), 0, 0));
}

static void console(void) {
  const u64 in = open(":tt", 0), out = open(":tt", 4), err = open(":tt", 8);
  line("tt in", !failed(in));
  line("tt out", !failed(out));
  line("tt err", !failed(err));
  line("tt istty", call(ISTTY, out, 0, 0, 0));
  line("tt write", call(WRITE, out, (u64) "written to tt\n", 14, 0));
  line("tt write err", call(WRITE, err, (u64) "written to err\n", 15, 0));
  line("tt seek failed", call(SEEK, out, 0, 0, 0) != 0);
  const char c = 'C';
  host(WRITEC, &c);
  text("\n");
  for (u64 i = 0; i < 9000; ++i) buffer[i] = (char)('a' + i % 26);
  buffer[9000] = 0;
  text(buffer);  // over two pages
  text("\n");
  call(CLOSE, in, 0, 0, 0);
  line("tt close", call(CLOSE, out, 0, 0, 0));
  const u64 f = open(":semihosting-features", 0);
  line("features flen", call(FLEN, f, 0, 0, 0) >= 5);
  line("features read", call(READ, f, (u64)buffer, 5, 0));
  line("features magic", same(buffer, "SHFB", 4));
  line("features bits", (u64)(buffer[4] & 3));
  line("features seek", call(SEEK, f, 4, 0, 0));
  line("features again", call(READ, f, (u64)buffer, 1, 0));
  line("features bits", (u64)(buffer[0] & 3));
  line("features write refused", call(WRITE, f, (u64) "x", 1, 0) != 0);
  call(CLOSE, f, 0, 0, 0);
  line("features w failed", failed(open(":semihosting-features", 4)));
}

static void rest(void) {
  line("iserror 0", call(ISERROR, 0, 0, 0, 0));
  line("iserror -1", call(ISERROR, ~0ul, 0, 0, 0) != 0);
  const u64 t1 = host(CLOCK, 0), t2 = host(CLOCK, 0);
  line("clock", t2 >= t1 && t1 < 100 * 600);
  line("time after 2020", host(TIME, 0) > 1577836800);
  u64 e1 = 0, e2 = 0;
  line("elapsed", host(ELAPSED, &e1));
  host(ELAPSED, &e2);
  line("elapsed goes on", e2 >= e1 && e1 != 0);
  line("tickfreq", host(TICKFREQ, 0));
  u64 heap[4] = {0, 0, 0, 0};
  const u64* pointer = heap;
  host(HEAPINFO, &pointer);
  line("heap there", heap[0] >= 0x40000000 && heap[0] < heap[1] && heap[1] <= 0x80000000);
  line("heap is memory", (*(volatile u64*)heap[0] = 0x55, *(volatile u64*)heap[0]));
  line("stack there", heap[2] > 0x40000000 && heap[2] <= 0x80000000);
  line("unknown", host(0x99, 0));
  line("system refused", call(SYSTEM, (u64) "true", 4, 0, 0) != 0);
}

// Bad pointers: an error, never more.
static void bad(void) {
  static const u64 nowhere[] = {0xfff0000000ul, 0x8000000000000000ul, ~0ul, ~7ul, 0x09000000};
  for (unsigned i = 0; i < 5; ++i) {
    const u64 p = nowhere[i];
    line("bad block", failed(host(OPEN, (void*)p)));
    line("bad name", failed(call(OPEN, p, 0, 4, 0)));
    host(WRITE0, (void*)p);
    host(WRITEC, (void*)p);
    line("bad cmdline", call(GET_CMDLINE, p, 100, 0, 0) != 0);
    line("bad tmpnam", call(TMPNAM, p, 1, 100, 0) != 0);
    line("bad elapsed", failed(host(ELAPSED, (void*)p)));
    const u64 f = open("bad.bin", 7);
    line("bad write", call(WRITE, f, p, 32, 0));
    line("bad length", call(WRITE, f, (u64)buffer, ~0ul - 4096, 0) != 0);
    call(SEEK, f, 0, 0, 0);
    call(WRITE, f, (u64) "0123456789", 10, 0);
    call(SEEK, f, 0, 0, 0);
    line("bad read", call(READ, f, p, 10, 0));
    line("bad read consumed nothing", call(READ, f, (u64)check, 10, 0));
    call(CLOSE, f, 0, 0, 0);
    call(REMOVE, (u64) "bad.bin", 7, 0, 0);
    line("bad handle", failed(call(CLOSE, p, 0, 0, 0)));
    line("bad handle istty", failed(call(ISTTY, p, 0, 0, 0)));
  }
  line("long name", failed(call(OPEN, (u64)buffer, 0, 100000, 0)));
}

// A name after the word "open MODE ": what SYS_OPEN and, if it fails, SYS_ERRNO say.
static void open_named(const char* words) {
  const u64 f = open(words + 2, (u64)(words[0] - '0'));
  line("open", failed(f));
  line("errno", failed(f) ? call(ERRNO, 0, 0, 0, 0) : 0);
  line("remove", call(REMOVE, (u64)(words + 2), length(words + 2), 0, 0) != 0);
  line("rename", call(RENAME, (u64)(words + 2), length(words + 2), (u64) "taken", 5) != 0);
}

static void echo(void) {
  for (;;) {
    const u64 c = host(READC, 0);
    if (failed(c)) break;
    if (c == '!') {  // the rest by SYS_READ
      const u64 in = open(":tt", 0);
      for (;;) {
        const u64 left = call(READ, in, (u64)buffer, 16, 0);
        if (left == 16) break;
        line("piece of", 16 - left > 0);
        const u64 out = open(":tt", 4);
        call(WRITE, out, (u64)buffer, 16 - left, 0);
        call(CLOSE, out, 0, 0, 0);
      }
      break;
    }
    text("<");
    const char letter = (char)c;
    host(WRITEC, &letter);
    text(">");
  }
  text("\nend of input\n");
}

void main(void) {
  static char words[600];
  u64 block[2] = {(u64)words, sizeof(words)};
  line("cmdline", host(GET_CMDLINE, block));
  line("cmdline length", block[1] == length(words));
  block[1] = 2;
  line("cmdline short refused", host(GET_CMDLINE, block) != 0);
  const char* word = words;  // after the program's name
  while (*word && *word != ' ') ++word;
  if (*word) ++word;
  if (equal(word, "echo")) {
    echo();
    end(EXIT, 0x20026, 0);
  }
  if (same(word, "open ", 5)) {
    open_named(word + 5);
    end(EXIT, 0x20026, 0);
  }
  if (same(word, "status ", 7)) {
    u64 status = 0;
    for (const char* p = word + 7; *p; ++p) status = status * 10 + (u64)(*p - '0');
    end(EXIT_EXTENDED, 0x20026, status);
  }
  if (equal(word, "abort")) end(EXIT, 0x20023, 0);
  if (equal(word, "bad exit")) host(EXIT, (void*)0xfff0000000ul);
  if (equal(word, "el0")) {
    line("el0 esr", from_el0());
    end(EXIT, 0x20026, 0);
  }
  text("words: ");
  text(word);
  text("\n");
  files();
  console();
  rest();
  if (equal(word, "bad")) bad();
  end(EXIT, 0x20026, 42);
}
