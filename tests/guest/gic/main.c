// The GICv3 as a driver and an architecture test see it: what its registers keep, priorities, preemption, binary points, groups, the two modes
// of ending an interrupt, pending and active states of SGIs, PPIs and SPIs, and routing; then the firmware calls (PSCI, SMCCC).
#include "../common/print.h"
struct run {
  u64 x[4], pc, spsr, sp, vector, esr, elr, far, spsr_out, sp_out;
};
void run_case(struct run *r);
extern char g_window[];
#define MSR(reg, v) __asm__ volatile("msr " reg ", %0; isb" ::"r"((u64)(v)) : "memory")
#define MRS(reg) ({ u64 v_; __asm__ volatile("isb; mrs %0, " reg : "=r"(v_)); v_; })
#define PMR "S3_0_C4_C6_0"
#define IAR0 "S3_0_C12_C8_0"
#define EOIR0 "S3_0_C12_C8_1"
#define HPPIR0 "S3_0_C12_C8_2"
#define BPR0 "S3_0_C12_C8_3"
#define AP0R0 "S3_0_C12_C8_4"
#define AP1R0 "S3_0_C12_C9_0"
#define DIR "S3_0_C12_C11_1"
#define RPR "S3_0_C12_C11_3"
#define SGI1R "S3_0_C12_C11_5"
#define SGI0R "S3_0_C12_C11_7"
#define IAR1 "S3_0_C12_C12_0"
#define EOIR1 "S3_0_C12_C12_1"
#define HPPIR1 "S3_0_C12_C12_2"
#define BPR1 "S3_0_C12_C12_3"
#define CTLR "S3_0_C12_C12_4"
#define SRE "S3_0_C12_C12_5"
#define GRPEN0 "S3_0_C12_C12_6"
#define GRPEN1 "S3_0_C12_C12_7"
#define DIST 0x08000000ul
#define REDIST 0x080a0000ul
#define SGI_FRAME (REDIST + 0x10000)
static volatile u32 *word(u64 a) { return (volatile u32 *)a; }
static volatile u64 *wide(u64 a) { return (volatile u64 *)a; }
static volatile unsigned char *byte(u64 a) { return (volatile unsigned char *)a; }
static u64 frame_of(unsigned intid) { return intid < 32 ? SGI_FRAME : DIST; }
static volatile u32 *bits_of(unsigned intid, u64 offset) { return word(frame_of(intid) + offset + intid / 32 * 4); }
static u32 mask_of(unsigned intid) { return 1u << intid % 32; }
static void priority(unsigned intid, unsigned p) { *byte(frame_of(intid) + 0x400 + intid) = (unsigned char)p; }
static void set(unsigned intid, u64 offset) { *bits_of(intid, offset) = mask_of(intid); }
static int get(unsigned intid, u64 offset) { return (*bits_of(intid, offset) & mask_of(intid)) != 0; }
enum { GROUP = 0x80, ENABLE = 0x100, DISABLE = 0x180, PEND = 0x200, UNPEND = 0x280, ACTIVE = 0x300, INACTIVE = 0x380 };

static void say(const char *name, u64 v) { text(name); put(' '); hex(v); put('\n'); }
static void number(const char *name, u64 v) { put(' '); text(name); put(' '); hex(v); }
// What the processor is told: 0, f (FIQ) or i (IRQ), by ISR_EL1 and by an exception.
static void line(const char *name) {
  struct run r = {{0}, (u64)g_window, 0x3c5, 0, 99, 0, 0, 0, 0, 0};
  const u64 isr = MRS("isr_el1");
  r.sp = (u64)&r - 4096;
  run_case(&r);
  text(name);
  number("isr", isr); number("vector", r.vector); number("hppir0", MRS(HPPIR0)); number("hppir1", MRS(HPPIR1)); number("rpr", MRS(RPR));
  number("ap0r", MRS(AP0R0)); number("ap1r", MRS(AP1R0));
  put('\n');
}
static void state(const char *name, unsigned intid) {
  const u64 pending = (u64)get(intid, PEND), active = (u64)get(intid, ACTIVE);  // before the UART transmits, whose interrupt is among them
  text(name); number("intid", intid); number("pending", pending); number("active", active); put('\n');
}

static void keeps(const char *name, u64 at, u32 zeroes) {
  const u32 before = *word(at);
  *word(at) = ~0u;
  const u32 ones = *word(at);
  *word(at) = 0;
  const u32 none = *word(at);
  *word(at) = zeroes ? before : 0;
  text(name); number("reset", before); number("ones", ones); number("zeroes", none); put('\n');
}
static void registers(void) {
  *word(REDIST + 0x14) &= ~2u;
  while (*word(REDIST + 0x14) & 4) {}
  say("GICD_TYPER", *word(DIST + 4) & 0xffe7ff1f);
  say("GICR_TYPER", *wide(REDIST + 8) & 0xffffffff00ffffc8);
  say("GICR_TYPER high", *word(REDIST + 12));
  say("GICD_PIDR2", *word(DIST + 0xffe8) & 0xf0);
  say("GICR_PIDR2", *word(REDIST + 0xffe8) & 0xf0);
  keeps("GICD_CTLR", DIST, 1);
  keeps("GICD_IGROUPR0", DIST + 0x80, 1);
  keeps("GICD_IGROUPR1", DIST + 0x84, 0);
  keeps("GICD_IPRIORITYR0", DIST + 0x400, 0);
  keeps("GICD_IPRIORITYR8", DIST + 0x420, 0);
  keeps("GICD_ITARGETSR8", DIST + 0x820, 0);
  keeps("GICD_ICFGR0", DIST + 0xc00, 0);
  keeps("GICD_ICFGR2", DIST + 0xc08, 0);
  keeps("GICD_SGIR", DIST + 0xf00, 0);
  keeps("GICD_IROUTER32", DIST + 0x6100, 0);
  keeps("GICD_IROUTER32 high", DIST + 0x6104, 0);
  keeps("GICR_IGROUPR0", SGI_FRAME + 0x80, 0);
  keeps("GICR_IPRIORITYR0", SGI_FRAME + 0x400, 0);
  keeps("GICR_ICFGR0", SGI_FRAME + 0xc00, 0);
  keeps("GICR_ISENABLER0", SGI_FRAME + 0x100, 0);
  *word(SGI_FRAME + 0x180) = ~0u;
  say("GICR_ISENABLER0 cleared", *word(SGI_FRAME + 0x100));
  *word(DIST + 0x420) = 0x88776655;
  text("bytes"); for (unsigned i = 0; i < 4; ++i) number("", *byte(DIST + 0x420 + i)); put('\n');
  *byte(DIST + 0x421) = 0xf0;
  say("after a byte", *word(DIST + 0x420));
  *word(DIST + 0x420) = 0;
  static const u64 pmr[] = {0, 1, 7, 8, 0x80, 0xf7, 0xff, ~0ul};
  for (unsigned i = 0; i < 8; ++i) { MSR(PMR, pmr[i]); text("PMR"); number("", pmr[i]); number("", MRS(PMR)); put('\n'); }
  for (u64 i = 0; i < 8; ++i) { MSR(BPR0, i); MSR(BPR1, i); text("BPR"); number("", i); number("", MRS(BPR0)); number("", MRS(BPR1)); put('\n'); }
  MSR(CTLR, 1);
  MSR(BPR1, 7);
  for (u64 i = 0; i < 8; ++i) { MSR(BPR0, i); text("BPR, CBPR"); number("", i); number("", MRS(BPR0)); number("", MRS(BPR1)); put('\n'); }
  say("CTLR", MRS(CTLR));
  MSR(CTLR, ~0ul);
  say("CTLR ones", MRS(CTLR) & ~0x40ul);
  MSR(CTLR, 0);
  MSR(BPR1, 0); MSR(BPR0, 0);
  MSR(SRE, 0);
  say("SRE", MRS(SRE));
  say("RPR", MRS(RPR));
  say("IAR0", MRS(IAR0)); say("IAR1", MRS(IAR1)); say("HPPIR0", MRS(HPPIR0)); say("HPPIR1", MRS(HPPIR1));
}
static void reset_all(void) {
  MSR(CTLR, 0);
  MSR(PMR, 0xff);
  MSR(BPR0, 0);
  MSR(BPR1, 0);
  MSR(AP0R0, 0);
  MSR(AP1R0, 0);
  *word(SGI_FRAME + DISABLE) = *word(SGI_FRAME + UNPEND) = *word(SGI_FRAME + INACTIVE) = ~0u;
  for (u64 i = 4; i < 36; i += 4) *word(DIST + DISABLE + i) = *word(DIST + UNPEND + i) = *word(DIST + INACTIVE + i) = ~0u;
  *word(SGI_FRAME + GROUP) = ~0u;
  for (u64 i = 4; i < 36; i += 4) *word(DIST + GROUP + i) = ~0u;
  for (unsigned i = 0; i < 64; ++i) priority(i, 0xa0);
  *word(DIST) = 0x13;
  MSR(GRPEN0, 1);
  MSR(GRPEN1, 1);
  for (unsigned i = 32; i < 64; ++i) *wide(DIST + 0x6000 + 8ul * i) = 0;
}
static void sgi(unsigned intid) { MSR(SGI1R, (u64)intid << 24 | 1); }
static void priorities(void) {
  reset_all();
  line("nothing");
  set(3, ENABLE);
  sgi(3);
  state("sent", 3);
  line("sgi 3");
  MSR(PMR, 0xa0); line("PMR a0");
  MSR(PMR, 0xa8); line("PMR a8");
  MSR(PMR, 0); line("PMR 0");
  MSR(PMR, 0xff);
  MSR(GRPEN1, 0); line("group 1 off at the interface"); say("IAR1", MRS(IAR1));
  MSR(GRPEN1, 1);
  *word(DIST) = 0x11; line("group 1 off at the distributor");
  *word(DIST) = 0x13;
  set(3, DISABLE); line("disabled"); state("disabled", 3);
  set(3, ENABLE);
  say("IAR0", MRS(IAR0));
  say("IAR1", MRS(IAR1));
  state("acknowledged", 3);
  line("running 3");
  // While it runs: the same again is pending and active, a lower and an equal priority wait, a higher preempts.
  sgi(3); state("sent again", 3); line("sent again");
  set(4, ENABLE); set(5, ENABLE); set(6, ENABLE);
  priority(4, 0xa0); sgi(4); line("equal priority");
  priority(5, 0xb0); sgi(5); line("lower priority");
  priority(6, 0x98); sgi(6); line("higher priority");
  say("IAR1", MRS(IAR1));
  line("nested");
  MSR(EOIR1, 6); line("ended 6"); state("ended 6", 6);
  MSR(EOIR1, 3); line("ended 3"); state("ended 3", 3);
  for (unsigned i = 0; i < 3; ++i) { const u64 a = MRS(IAR1); say("IAR1", a); MSR(EOIR1, a); }
  line("none left");
  // Every priority that there is.
  reset_all();
  for (unsigned p = 0; p < 0x100; p += 0x29) { set(7, ENABLE); priority(7, p); sgi(7); text("priority"); number("", p); number("", *byte(SGI_FRAME + 0x407)); line(""); const u64 a = MRS(IAR1); line("  running"); if (a < 1020) MSR(EOIR1, a); set(7, UNPEND); }
  // Among equals.
  reset_all();
  for (unsigned i = 8; i < 12; ++i) { set(i, ENABLE); }
  for (unsigned i = 11; i >= 8; --i) sgi(i);
  priority(10, 0x80);
  for (unsigned i = 0; i < 5; ++i) { const u64 a = MRS(IAR1); say("in turn", a); if (a < 1020) MSR(EOIR1, a); }
}
static void binary_points(void) {
  for (u64 point = 0; point < 8; ++point) {
    reset_all();
    MSR(BPR1, point);
    set(1, ENABLE); set(2, ENABLE);
    priority(1, 0xb8);
    sgi(1);
    const u64 first = MRS(IAR1);
    text("point"); number("", MRS(BPR1)); number("ack", first); number("rpr", MRS(RPR)); number("ap1r", MRS(AP1R0)); text(" preempts:");
    for (unsigned p = 0xb0; p >= 0x10; p -= 0x10) {
      priority(2, p);
      sgi(2);
      put(' '); hex(p); put(MRS("isr_el1") ? '+' : '-');
      set(2, UNPEND);
    }
    put('\n');
    MSR(EOIR1, first);
  }
}
static void groups(void) {
  reset_all();
  *word(SGI_FRAME + GROUP) = ~(1u << 1);
  set(1, ENABLE); set(2, ENABLE);
  sgi(1); state("group 1 SGI to group 0", 1);
  MSR(SGI0R, 1ul << 24 | 1); state("group 0 SGI", 1);
  line("group 0");
  say("IAR1", MRS(IAR1));
  sgi(2); line("both");
  priority(1, 0xc0); line("group 1 is higher");
  say("IAR0", MRS(IAR0));
  say("IAR1", MRS(IAR1));
  line("group 1 runs");
  MSR(EOIR0, 2); line("ended as group 0");
  MSR(EOIR1, 2); line("ended as group 1");
  say("IAR0", MRS(IAR0));
  line("group 0 runs");
  MSR(CTLR, 1);
  sgi(2); priority(2, 0xb0); line("common binary point");
  MSR(EOIR0, 1);
  line("group 0 ended");
  set(2, UNPEND);
}
static void eoi_modes(void) {
  reset_all();
  MSR(CTLR, 2);
  set(1, ENABLE);
  sgi(1);
  say("IAR1", MRS(IAR1));
  MSR(EOIR1, 1); state("dropped", 1); line("dropped");
  sgi(1); state("sent again", 1); line("sent again");
  MSR(DIR, 1); state("deactivated", 1); line("deactivated");
  say("IAR1", MRS(IAR1));
  MSR(DIR, 1); state("deactivated first", 1); line("deactivated first");
  MSR(EOIR1, 1); line("dropped then");
  MSR(CTLR, 0);
  sgi(1); say("IAR1", MRS(IAR1)); MSR(EOIR1, 1023); state("EOIR 1023", 1); MSR(EOIR1, 1); state("ended", 1);
}
static void spis(void) {
  reset_all();
  // SPI 33: the UART's; its transmit interrupt is the level.
  static volatile u32 *const pl011 = (volatile u32 *)0x09000000;
  state("idle", 33);
  set(33, ENABLE);
  pl011[0x30 / 4] = 0x301;
  put('\n');
  pl011[0x38 / 4] = 0x20;
  state("level high", 33);
  set(33, UNPEND); state("level cannot be cleared", 33);
  const u64 a = MRS(IAR1); say("IAR1", a); state("acknowledged", 33); line("acknowledged");
  pl011[0x38 / 4] = 0; state("level low", 33);
  MSR(EOIR1, a); state("ended", 33);
  set(33, PEND); state("set pending", 33); line("set pending");
  const u64 b = MRS(IAR1); say("IAR1", b); state("acknowledged", 33); MSR(EOIR1, b); state("ended", 33);
  *wide(DIST + 0x6000 + 8 * 33) = 1; set(33, PEND); state("routed to nobody", 33); line("routed to nobody");
  say("IROUTER", *wide(DIST + 0x6000 + 8 * 33));
  *wide(DIST + 0x6000 + 8 * 33) = 0; line("routed back");
  set(33, UNPEND);
  // Edge-triggered.
  set(33, DISABLE);
  *word(DIST + 0xc08) = 2u << 2;
  set(33, ENABLE);
  pl011[0x38 / 4] = 0x20; state("edge", 33);
  set(33, UNPEND); state("cleared while high", 33);
  pl011[0x38 / 4] = 0; pl011[0x44 / 4] = 0x7ff; pl011[0] = '\n'; pl011[0x38 / 4] = 0x20; state("second edge", 33);
  pl011[0x38 / 4] = 0; state("stays", 33);
  const u64 c = MRS(IAR1); say("IAR1", c); state("acknowledged", 33); MSR(EOIR1, c);
  *word(DIST + 0xc08) = 0;
  set(33, DISABLE);
  // Active by hand.
  set(40, ENABLE); set(40, ACTIVE); set(40, PEND); state("active by hand", 40); line("active by hand");
  set(40, INACTIVE); state("inactive by hand", 40); line("inactive by hand");
  set(40, UNPEND);
  // Beyond the last one.
  const u32 last = 32 * ((*word(DIST + 4) & 31) + 1);
  *word(DIST + ENABLE + last / 8) = ~0u;
  say("beyond the last", *word(DIST + ENABLE + last / 8));
}
static void ppis(void) {
  reset_all();
  set(27, ENABLE);
  MSR("cntv_cval_el0", 0);
  MSR("cntv_ctl_el0", 1);
  state("timer", 27); line("timer");
  MSR("cntv_ctl_el0", 3); state("timer masked", 27); say("CNTV_CTL", MRS("cntv_ctl_el0"));
  MSR("cntv_ctl_el0", 1);
  set(27, UNPEND); state("timer cannot be cleared", 27);
  const u64 a = MRS(IAR1); say("IAR1", a); state("acknowledged", 27); MSR(EOIR1, a); state("ended", 27);
  MSR("cntv_tval_el0", -1); say("TVAL -1", MRS("cntv_ctl_el0"));
  MSR("cntv_tval_el0", 0x7fffffff); say("TVAL 7fffffff", MRS("cntv_ctl_el0")); state("in the future", 27);
  MSR("cntv_cval_el0", ~0ul); say("CVAL never", MRS("cntv_ctl_el0"));
  MSR("cntv_ctl_el0", 0); MSR("cntv_cval_el0", 0); say("disabled", MRS("cntv_ctl_el0") & 3); state("disabled", 27);
  MSR("cntv_ctl_el0", ~0ul); say("CTL ones", MRS("cntv_ctl_el0")); MSR("cntv_ctl_el0", 0);
  set(30, ENABLE);
  MSR("cntp_tval_el0", 0); MSR("cntp_ctl_el0", 1); state("physical", 30); say("CNTP_CTL", MRS("cntp_ctl_el0")); say("CNTV_CTL", MRS("cntv_ctl_el0"));
  MSR("cntp_ctl_el0", 0); state("physical off", 30);
  say("TVAL sign", (long)(int)MRS("cntp_tval_el0") <= 0);
  set(30, PEND); state("by hand", 30); line("by hand"); set(30, UNPEND); state("taken back", 30);
}
static u64 call(u32 function, u64 a, u64 b, u64 c) {
  register u64 x0 __asm__("x0") = function, x1 __asm__("x1") = a, x2 __asm__("x2") = b, x3 __asm__("x3") = c;
  __asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"memory");
  return x0;
}
static void firmware(void) {
  static const u32 asked[] = {0x84000000, 0x84000001, 0xc4000001, 0x84000002, 0x84000003, 0xc4000003, 0x84000004, 0xc4000004, 0x84000005, 0x84000006, 0x84000007,
    0x84000008, 0x84000009, 0x8400000a, 0x8400000b, 0x8400000f, 0x84000010, 0x84000012, 0x84000013, 0x80000000, 0x80000001, 0x80008000, 0x8600ff01, 0xc4000000, 0};
  say("version", call(0x84000000, 0, 0, 0));
  say("SMCCC version", call(0x80000000, 0, 0, 0));
  for (unsigned i = 0; i < sizeof asked / sizeof *asked; ++i) { text("features"); number("", asked[i]); number("", call(0x8400000a, asked[i], 0, 0)); put('\n'); }
  static const u32 arch[] = {0x80000000, 0x80000001, 0x80000002, 0x80008000, 0x80007fff, 0x80003fff, 0x84000000, 1};
  for (unsigned i = 0; i < sizeof arch / sizeof *arch; ++i) { text("arch features"); number("", arch[i]); number("", call(0x80000001, arch[i], 0, 0)); put('\n'); }
  say("migrate info type", call(0x84000006, 0, 0, 0));
  say("migrate", call(0x84000005, 0, 0, 0));
  say("migrate info up cpu", call(0x84000007, 0, 0, 0));
  say("affinity of itself", call(0xc4000004, 0, 0, 0));
  say("affinity level 1", call(0xc4000004, 0, 1, 0));
  say("affinity level 4", call(0xc4000004, 0, 4, 0));
  say("affinity of nobody", call(0xc4000004, 0x7, 0, 0));
  say("on, itself", call(0xc4000003, 0, (u64)firmware, 0));
  say("on, nobody", call(0xc4000003, 0x100000000, (u64)firmware, 0));
  say("UUID", call(0x8400ff01, 0, 0, 0));
  say("unknown fast", call(0xc4001234, 0, 0, 0));
  say("unknown yielding", call(0x04001234, 0, 0, 0));
  say("vendor", call(0x86000000, 0, 0, 0));
  register u64 x0 __asm__("x0") = 0x84000000, x4 __asm__("x4") = 4, x17 __asm__("x17") = 17, x7 __asm__("x7") = 7;
  __asm__ volatile("hvc #0" : "+r"(x0), "+r"(x4), "+r"(x17), "+r"(x7)::"x1", "x2", "x3", "memory");
  say("kept", x4 << 16 | x7 << 8 | x17);
}
int main(void) {
  registers();
  priorities();
  binary_points();
  groups();
  eoi_modes();
  spis();
  ppis();
  firmware();
  text("done\n");
  return 0;
}
