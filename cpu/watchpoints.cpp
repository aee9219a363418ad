// Self-hosted debug: hardware watchpoints, Arm ARM D2.10.
#include <algorithm>

#include "cpu/exceptions.h"
#include "cpu/sysregs.h"

namespace ferry::cpu {
namespace {

constexpr unsigned kWatchpoints = 4;
static_assert(static_cast<unsigned>(SysReg::DBGWCR3_EL1) == static_cast<unsigned>(SysReg::DBGWVR0_EL1) + 7,
              "DBGWVR and DBGWCR alternate");

u64 address(const CpuState& s, unsigned n) { return s.sys[static_cast<usize>(SysReg::DBGWVR0_EL1) + 2 * n]; }
u64 control(const CpuState& s, unsigned n) { return s.sys[static_cast<usize>(SysReg::DBGWVR0_EL1) + 2 * n + 1]; }

// Bytes that a watchpoint watches: [first, last], and which of them (BAS) when it is one doubleword.
struct Watched {
  u64 first;
  u64 last;
  u64 bytes;  // bit n: first + n
};

Watched watched(const CpuState& s, unsigned n) {
  const u64 wcr = control(s, n);
  const u64 at = static_cast<u64>(sign_extend(address(s, n) & ~u64{3}, 49));
  const unsigned mask = static_cast<unsigned>(bits(wcr, 28, 24));
  // DBGWCR.MASK. UNPREDICTABLE: chose that the reserved values 1 and 2 mean no mask, and that BAS may have holes.
  if (mask >= 3) {
    const u64 size = u64{1} << mask;
    return {at & ~(size - 1), at | (size - 1), ~u64{0}};
  }
  // With a word-aligned address only the low four bits of BAS count.
  const u64 bas = bits(wcr, 12, 5) & (bit(at, 2) ? 0xf : 0xff);
  return {at, at + (bit(at, 2) ? 3 : 7), bas};
}

// The lowest byte of the access that the watchpoint watches. False: none.
bool overlap(const Watched& w, u64 va, unsigned size, u64& found) {
  const u64 last = va + size - 1;
  if (last < w.first || va > w.last) return false;
  found = std::max(va, w.first);
  if (w.bytes == ~u64{0}) return true;
  for (; found <= std::min(last, w.last); ++found)
    if (bit(w.bytes, static_cast<unsigned>(found - w.first))) return true;
  return false;
}

bool armed(const CpuState& s, unsigned n, bool write, bool privileged) {
  const u64 wcr = control(s, n);
  if (!bit(wcr, 0) || !bit(wcr, privileged ? 1 : 2) || !bit(wcr, write ? 4 : 3)) return false;
  if (!bit(wcr, 20)) return true;  // WT
  const usize linked = static_cast<usize>(bits(wcr, 19, 16));
  if (linked != 4 && linked != 5) return false;  // the context-aware breakpoints
  const u64 bcr = s.sys[static_cast<usize>(SysReg::DBGBCR0_EL1) + 2 * linked],
            bvr = s.sys[static_cast<usize>(SysReg::DBGBVR0_EL1) + 2 * linked];
  return bit(bcr, 0) && bits(bcr, 23, 20) == 3 && ((s.reg(SysReg::CONTEXTIDR_EL1) ^ bvr) & 0xffffffff) == 0;
}

}  // namespace

bool any_watchpoint(const CpuState& s) {
  if (!bit(s.reg(SysReg::MDSCR_EL1), 15)) return false;
  for (unsigned n = 0; n < kWatchpoints; ++n)
    if (bit(control(s, n), 0)) return true;
  return false;
}

bool watches_page(const CpuState& s, u64 va) {
  const u64 page = return_address(s, va) & ~u64{0xfff};
  for (unsigned n = 0; n < kWatchpoints; ++n) {
    const Watched w = watched(s, n);
    if (bit(control(s, n), 0) && w.last >= page && w.first <= page + 0xfff) return true;
  }
  return false;
}

bool watchpoint_exception(const CpuState& s, u64 va, unsigned size, bool write, bool unprivileged, ExceptionInfo& out) {
  if (!any_watchpoint(s) || !debug_exceptions_enabled(s, s.el, bit(s.daif, 9))) return false;
  const bool privileged = s.el != 0 && !unprivileged;
  for (unsigned n = 0; n < kWatchpoints; ++n) {
    u64 found = 0;
    if (!armed(s, n, write, privileged) || !overlap(watched(s, n), return_address(s, va), size, found)) continue;
    out = {};
    out.ec = kEcWatchpoint;
    out.iss = kDebugFsc | (write ? 1u << 6 : 0);
    // IMPDEF: FAR is the lowest byte that is both accessed and watched.
    out.far_valid = true;
    out.far = va + (found - return_address(s, va));
    return true;
  }
  return false;
}

}  // namespace ferry::cpu
