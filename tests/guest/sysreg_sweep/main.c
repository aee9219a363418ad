// Prints what every system-register encoding does: "E<el> <op0>_<op1>_<CRn>_<CRm>_<op2> R <value>" or "... R ! <ESR>"; and for reads
// that worked at EL1 and encodings that can be written safely, which bits stick: "M <reads after writing ones> <after zeroes>".
#include "../common/print.h"
u64 access_el1(void *code, u64 in, u64 *esr);
u64 access_el0(void *code, u64 in, u64 *esr);
static u32 code[2] __attribute__((aligned(64)));
static void set_code(u32 a, u32 b) {
  ((volatile u32 *)code)[0] = a;
  ((volatile u32 *)code)[1] = b;
  __asm__ volatile("dc cvau, %0; dsb ish; ic ivau, %0; dsb ish; isb" ::"r"(code) : "memory");
}
static void name(int el, u32 key) {
  put('E'); put((char)('0' + el)); put(' ');
  decimal(key >> 14); put('_'); decimal((key >> 11) & 7); put('_'); decimal((key >> 7) & 15); put('_'); decimal((key >> 3) & 15); put('_'); decimal(key & 7);
}
#define KEY(a, b, c, d, e) ((a) << 14 | (b) << 11 | (c) << 7 | (d) << 3 | (e))
// Writing these would end the program: translation, vectors, stack, our own scratch, the timers that move.
static int unsafe(u32 key) {
  static const u32 list[] = {KEY(3,0,1,0,0), KEY(3,0,12,0,0), KEY(3,0,4,2,0), KEY(3,0,13,0,4), KEY(3,0,4,1,0), KEY(3,0,12,0,2),
                             KEY(3,3,14,0,0), KEY(2,0,0,2,2), KEY(3,0,1,0,2)};
  for (unsigned i = 0; i < sizeof list / sizeof *list; ++i) if (list[i] == key) return 1;
  u32 crn = (key >> 7) & 15, op1 = (key >> 11) & 7;
  if (key >> 14 == 3 && crn == 14 && ((key >> 3) & 15) < 8 && op1 == 3) return 1;  // timers
  if (key >> 14 == 3 && crn == 4 && op1 == 3 && ((key >> 3) & 15) == 2) return 1;  // NZCV, DAIF
  return 0;
}
// The counter and the timers' views of it.
static int moves(u32 key) {
  return key == KEY(3,3,14,0,1) || key == KEY(3,3,14,0,2) || key == KEY(3,3,14,2,0) || key == KEY(3,3,14,3,0);
}
static u64 access(int el, u32 word, u64 in, u64 *esr) {
  set_code(word, el ? 0xd65f03c0 : 0xd4000001);
  return el ? access_el1(code, in, esr) : access_el0(code, in, esr);
}
int main(void) {
  for (int el = 1; el >= 0; --el)
    for (u32 key = 0x8000; key < 0x10000; ++key) {
      u64 esr, v = access(el, 0xd5200001 | key << 5 | 0x100000, 0x5a5a, &esr);
      int undefined = esr && (esr >> 26) == 0;
      if (!undefined) {
        name(el, key); text(" R ");
        if (esr) { text("! "); hex(esr); } else if (moves(key)) put('*'); else hex(v);
        put('\n');
      }
      if (el && unsafe(key)) continue;
      u64 wesr;
      access(el, 0xd5000001 | key << 5 | 0x100000, el ? ~0ul : 0, &wesr);
      if (wesr && (wesr >> 26) == 0) continue;
      name(el, key); text(" W ");
      if (wesr) { text("! "); hex(wesr); put('\n'); continue; }
      if (!el || undefined) { text("ok\n"); continue; }
      u64 ones = access(el, 0xd5200001 | key << 5 | 0x100000, 0, &esr);
      access(el, 0xd5000001 | key << 5 | 0x100000, 0, &wesr);
      u64 zeros = access(el, 0xd5200001 | key << 5 | 0x100000, 0, &esr);
      hex(ones); put(' '); hex(zeros); put('\n');
      access(el, 0xd5000001 | key << 5 | 0x100000, v, &wesr);
    }
  for (u32 key = 0x4000; key < 0x8000; ++key) {  // SYS: which encodings exist, at EL0 only (cache and TLB operations of EL1 have effects)
    u64 esr;
    access(0, 0xd5080001 | (key & 0x3fff) << 5, (u64)code, &esr);
    if (esr && (esr >> 26) == 0) continue;
    name(0, key); text(" S "); hex(esr); put('\n');
  }
  text("done\n");
  return 0;
}
