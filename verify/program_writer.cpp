#include "verify/program_writer.h"

#include <algorithm>

#include "verify/a64.h"

namespace ferry::verify {
namespace {

using namespace a64;

u32 with_rd(u32 w, unsigned d) { return (w & ~0x1fu) | d; }

}  // namespace

void ProgramGenerator::Writer::function(unsigned counter) {
  functions_.push_back(at_);
  inside_function_ = true;
  body(1 + static_cast<unsigned>(r_.below(3)), counter);
  emit(eor_ror(result(), result(), result(), 1 + below(62)));
  emit(kRet);
  inside_function_ = false;
}

void ProgramGenerator::Writer::main() {
  body(2 + static_cast<unsigned>(r_.below(4)), kCounter);
  if (!has_loop_) loop(kCounter);
  emit(kSvc);
}

void ProgramGenerator::Writer::word() {
  static constexpr Class kOfLoops[] = {Class::LoadStore, Class::LoadStore, Class::LoadStoreSimd, Class::Register,
                                       Class::Immediate, Class::Fp,        Class::Simd};
  static constexpr Class kOfFlow[] = {Class::Register, Class::Register, Class::Immediate, Class::Immediate,
                                      Class::LoadStore};
  Class c = class_ == Class::Flow ? kOfFlow[below(5)] : kOfLoops[below(7)];
  if (r_.chance(4)) c = Class::SimdScalar;
  if (r_.chance(2)) c = Class::System;
  if (r_.chance(class_ == Class::Programs ? 8 : 2)) c = Class::Exclusive;
  for (;;) {
    u32 w = g_.allocated_word(c);
    // Exclusive pairs are written whole; DC ZVA is a store of 64 bytes that EL0 may be denied.
    const bool exclusive = is_exclusive_or_ordered(w) && !bit(w, 26) && !bit(w, 23) && !is_compare_and_swap_pair(w);
    if (c == Class::Exclusive && exclusive) continue;
    if (c == Class::Immediate || c == Class::Register) {
      if ((w & 0x1f) == 31) w = with_rd(w, result());  // not SP
    }
    if (is_literal(w) && !bit(w, 26) && bits(w, 31, 30) == 3) continue;  // PRFM
    return emit(w);
  }
}

// What was loaded goes into a register that lasts, so that every turn of a loop counts.
void ProgramGenerator::Writer::keep_result(unsigned loaded) {
  if (r_.chance(25)) return;
  emit(eor_ror(below(4) + 12, loaded, below(4) + 12, 1 + below(62)));
}

// One load or store near a base, of any size and alignment.
void ProgramGenerator::Writer::access() {
  const unsigned n = base(), t = below(12);
  const u32 rn = n << 5;
  const bool load = r_.chance(60);
  const u32 imm9 = low(r_.chance(50) ? between(-48, 48) : between(-256, 255), 9) << 12;
  switch (below(8)) {
    case 0:
    case 1:
    case 2: {  // LDUR, STUR of 1 to 8 bytes
      const u32 size = below(4);
      emit(size << 30 | 0x38000000 | (load ? 0x400000 : 0) | imm9 | rn | t);
      break;
    }
    case 3: {  // writeback before or after
      const u32 size = below(4), step = low(between(-32, 32), 9) << 12;
      emit(size << 30 | 0x38000400 | (r_.chance(50) ? 0x800 : 0) | (load ? 0x400000 : 0) | step | rn | t);
      break;
    }
    case 4: {  // LDP, STP
      const u32 wide = r_.chance(60) ? 0x80000000 : 0, other = (t + 1) % 12;
      emit(0x29000000 | wide | (load ? 0x400000 : 0) | low(between(-8, 8), 7) << 15 | other << 10 | rn | t);
      break;
    }
    case 5: {  // register offset
      const u32 size = below(4), index = (Roles::kIndices + below(Roles::kIndexCount)) << 16;
      emit(size << 30 | 0x38206800 | (r_.chance(30) ? 0x1000 : 0) | (load ? 0x400000 : 0) | index | rn | t);
      break;
    }
    default: {  // SIMD and FP
      const unsigned v = below(8);
      const bool whole = r_.chance(50);
      const u32 form = whole ? 0x3c800000 : (r_.chance(50) ? 0xc0000000 : 0x80000000) | 0x3c000000;
      emit(form | (load ? 0x400000 : 0) | imm9 | rn | v);
      if (load && r_.chance(75)) emit(0x6e201c00 | v << 16 | (8 + below(4)) << 5 | (8 + below(4)));  // EOR (vector)
      return;
    }
  }
  if (load) keep_result(t);
}

void ProgramGenerator::Writer::aim_base(unsigned b) {
  emit(add_pages(b, kHome, between(-6, 6)));
  emit(add_imm(b, b, r_.chance(60) ? between(-64, 64) : between(-4095, 4095)));
}

// A test and a branch that is to be written when its target is known.
void ProgramGenerator::Writer::condition(usize& from, unsigned& form) {
  form = below(4);
  if (form == 0 && r_.chance(60)) {
    static constexpr u32 kTests[] = {0xeb00001f, 0x6b00001f, 0xea00001f, 0x2b00001f, 0xfa400000};
    const unsigned which = below(5);
    u32 w = kTests[which] | result() << 16 | result() << 5;  // CMP, ANDS, CMN
    if (which == 4) w |= below(14) << 12 | below(16);        // CCMP
    emit(w);
    if (r_.chance(40)) words(1);
  }
  if (form == 0 && r_.chance(15)) emit(0x1e602000 | below(8) << 16 | below(8) << 5);  // FCMP
  condition_word_ = below(64) << 8 | result();
  from = at_;
  emit(kNop);
}

void ProgramGenerator::Writer::branch_to(usize from, unsigned form, usize to) {
  const i64 distance = static_cast<i64>(to) - static_cast<i64>(from);
  const unsigned t = condition_word_ & 15, n = condition_word_ >> 8;
  switch (form) {
    case 0: p_.words[from] = b_cond(n % 14, distance); return;
    case 1: p_.words[from] = cbz(n % 2 != 0, n % 4 > 1, t, distance); return;
    default: p_.words[from] = tbz(form == 2, n, t, distance); return;
  }
}

void ProgramGenerator::Writer::forward_branch(unsigned counter) {
  usize from = 0;
  unsigned form = 0;
  condition(from, form);
  const u32 its = condition_word_;
  if (r_.chance(30))
    item(counter);
  else
    words(1 + below(3));
  if (r_.chance(50)) {  // with an else
    const usize over = at_;
    emit(kNop);
    condition_word_ = its;
    branch_to(from, form, at_);
    words(1 + below(3));
    p_.words[over] = b(static_cast<i64>(at_ - over));
  } else {
    condition_word_ = its;
    branch_to(from, form, at_);
  }
  if (r_.chance(40))
    emit(0x9a800000 | result() << 16 | below(14) << 12 | result() << 5 | result());  // CSEL: flags live on
}

void ProgramGenerator::Writer::call() {
  if (inside_function_ || functions_.empty()) return words(2);
  usize to = functions_[below(functions_.size())];
  if (to >= 2048 && r_.chance(30)) to += kProgramTwins * 1024;
  if (r_.chance(70)) return emit(bl(static_cast<i64>(to) - static_cast<i64>(at_)));
  emit(adr(kScratch2, 4 * (static_cast<i64>(to) - static_cast<i64>(at_))));
  emit(blr(kScratch2));
}

// A jump by a table of pieces of two instructions.
void ProgramGenerator::Writer::indirect() {
  const unsigned log2 = 1 + below(2), pieces = 1u << log2;
  emit((log2 == 1 ? 0x92400010u : 0x92400410u) | result() << 5);  // AND X16, Xn, #1 or #3
  emit(adr(kScratch2, 12));
  emit(0x8b100e31);  // ADD X17, X17, X16, LSL #3
  emit(br(kScratch2));
  for (unsigned i = 0; i < pieces; ++i) {
    const usize at = at_;
    word();
    emit(b(static_cast<i64>(2 * pieces - 2 * i) - 1));
    // A word that comes with another before it would shift the pieces.
    ASSERT(at_ == at + 2, "a piece of the table has two instructions");
  }
}

// LDXR, something, STXR until it succeeds.
void ProgramGenerator::Writer::exclusive_loop() {
  const unsigned size = below(4), t = below(12);
  const u32 ordered = r_.chance(50) ? 0x8000 : 0, rn = Roles::kAligned << 5;
  const usize top = at_;
  emit(size << 30 | 0x085f7c00 | ordered | rn | t);
  emit(add_imm(t, t, between(1, 100)));
  if (r_.chance(30)) emit(eor_ror(t, t, result(), 1 + below(20)));
  emit(size << 30 | 0x08007c00 | kScratch << 16 | ordered | rn | t);
  emit(cbz(true, false, kScratch, static_cast<i64>(top) - static_cast<i64>(at_)));
}

// Writes over an instruction a little further on, with the maintenance that code needs.
void ProgramGenerator::Writer::rewrite() {
  const unsigned rd = result(), imm = 1 + below(63);
  const u32 other = add_imm(rd, rd, imm);
  emit(movz32(kScratch, other & 0xffff));
  emit(movk32_high(kScratch, other >> 16));
  const unsigned between_them = below(3);
  const unsigned counts = r_.chance(60) ? 1 : 0;                  // another word each turn: its immediate counts
  if (counts != 0) emit(0x0b000210 | kCounter << 16 | 10 << 10);  // ADD W16, W16, W27, LSL #10
  emit(adr(kScratch2, 4 * (7 + static_cast<i64>(between_them))));
  emit(0xb9000230);  // STR W16, [X17]
  emit(0xd50b7b31);  // DC CVAU, X17
  emit(kDsbIsh);
  emit(0xd50b7531);  // IC IVAU, X17
  emit(kDsbIsh);
  emit(kIsb);
  for (unsigned i = 0; i < between_them; ++i) emit(kNop);
  emit(add_imm(rd, rd, 1));
}

// Two pages of the data change places.
void ProgramGenerator::Writer::remap() {
  const u32 entry = below(kProgramDataPages / 2) + kProgramDataPages / 4;
  emit(add_imm(kScratch2, kEntries, 8 * static_cast<i64>(entry)));
  emit(0xf9400000 | kScratch2 << 5 | kScratch);  // LDR X16, [X17]
  emit(0xf9400400 | kScratch2 << 5 | 15);        // LDR X15, [X17, #8]
  emit(0xf9000000 | kScratch2 << 5 | 15);
  emit(0xf9000400 | kScratch2 << 5 | kScratch);
  emit(kDsbIsh);
  if (r_.chance(50)) {
    emit(kTlbiVmalle1);
  } else {
    for (const u32 page : {entry, entry + 1}) {
      emit(movz(kScratch, static_cast<u32>((kProgramDataVa >> 12) + page) & 0xffff));
      emit(0xf2a00000 | static_cast<u32>(((kProgramDataVa >> 12) + page) >> 16) << 5 | kScratch);  // MOVK, LSL #16
      emit(0xd5088770);                                                                            // TLBI VAAE1, X16
    }
  }
  emit(kDsbIsh);
  emit(kIsb);
  emit(movz(15, 0));
}

// The fourth page of code and its twin change places; not while one of them runs.
void ProgramGenerator::Writer::remap_code() {
  emit(movz32(kScratch2, static_cast<u32>(kProgramCodeEntries) & 0xffff));
  emit(movk32_high(kScratch2, static_cast<u32>(kProgramCodeEntries) >> 16));
  emit(0xf9400c00 | kScratch2 << 5 | kScratch);  // LDR X16, [X17, #24]
  emit(0xf9401400 | kScratch2 << 5 | 15);        // LDR X15, [X17, #40]
  emit(0xf9000c00 | kScratch2 << 5 | 15);
  emit(0xf9001400 | kScratch2 << 5 | kScratch);
  emit(kDsbIsh);
  emit(kTlbiVmalle1);
  emit(kDsbIsh);
  emit(kIsb);
  emit(movz(15, 0));
}

void ProgramGenerator::Writer::stride_loop_body(unsigned counter) {
  const unsigned accesses = 1 + below(5);
  for (unsigned i = 0; i < accesses; ++i) {
    access();
    if (r_.chance(25)) words(1);
    if (r_.chance(12)) forward_branch(counter + 1);
  }
  static constexpr i64 kSteps[] = {1,  2,  3,  4,  5,  7,  8,   12,  15,  16,  17,
                                   24, 31, 32, 63, 64, 96, 127, 128, 255, 512, 513};
  for (unsigned b = Roles::kBases; b < Roles::kBases + Roles::kBaseCount; ++b) {
    if (b != Roles::kBases && r_.chance(45)) continue;
    const i64 step = kSteps[below(std::size(kSteps))];
    emit(add_imm(b, b, r_.chance(50) ? step : -step));
  }
  if (r_.chance(25)) emit(add_imm(Roles::kIndices, Roles::kIndices, between(-8, 8)));
}

// Counted; by one of the forms that compilers write, and some that they do not.
void ProgramGenerator::Writer::loop(unsigned counter) {
  has_loop_ = true;
  const bool inner = counter != kCounter;
  const unsigned turns = inner ? 2 + below(20) : 10 + below(inside_function_ ? 10 : 120);
  const bool strides = class_ == Class::Flow ? r_.chance(20) : r_.chance(75);
  if (strides || r_.chance(30))
    for (unsigned b = Roles::kBases; b < Roles::kBases + Roles::kBaseCount; ++b)
      if (b == Roles::kBases || r_.chance(70)) aim_base(b);
  if (r_.chance(60)) emit(movz(Roles::kIndices, below(64)));
  emit(movz(counter, turns));
  const unsigned form = below(6);
  usize into = 0;
  if (form == 5) {  // entered in its middle
    into = at_;
    emit(kNop);
  }
  const usize top = at_;
  usize out = 0;
  if (form == 4) {  // tested at its head
    out = at_;
    emit(kNop);
  }
  if (form == 5) {
    words(1 + below(2));
    p_.words[into] = b(static_cast<i64>(at_ - into));
  }
  strides ? stride_loop_body(counter) : body(1 + below(3), counter + 1);
  if (form == 4) {
    emit(add_imm(counter, counter, -1));
    emit(b(static_cast<i64>(top) - static_cast<i64>(at_)));
    p_.words[out] = cbz(false, r_.chance(50), counter, static_cast<i64>(at_ - out));
    return;
  }
  const bool flags = form == 1 || form == 2;
  emit(flags ? subs_imm(counter, counter, 1) : add_imm(counter, counter, -1));
  const i64 back = static_cast<i64>(top) - static_cast<i64>(at_);
  if (flags)
    emit(b_cond(form == 1 ? 1 : 12, back));  // NE, GT
  else if (form == 3)
    emit(tbz(false, 63, counter, back));
  else
    emit(cbz(true, r_.chance(50), counter, back));
}

void ProgramGenerator::Writer::item(unsigned counter) {
  const bool all = class_ == Class::Programs;
  const bool room = counter < kCounter + 2 && (!inside_function_ || counter == kDeepCounter);
  // A loop in a function has no loop of its own inside: behind its counter stands the caller's.
  switch (below(16)) {
    case 0:
    case 1: return words(1 + below(4));
    case 2:
    case 3: return access();
    case 4:
    case 5: return forward_branch(counter);
    case 6:
    case 7: return call();
    case 8: return indirect();
    case 9: return all ? exclusive_loop() : access();
    case 10: return all && r_.chance(50) ? rewrite() : words(2);
    case 11:
      if (!all || p_.el0 || r_.chance(40)) return access();
      return inside_function_ || r_.chance(60) ? remap() : remap_code();
    case 12: return aim_base(base());
    default: return room && !is_full() ? loop(counter) : words(3);
  }
}

void ProgramGenerator::Writer::body(unsigned items, unsigned counter) {
  while (items-- != 0 && !is_full()) item(counter);
}

}  // namespace ferry::verify
