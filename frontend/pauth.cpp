// Pointer authentication (Arm ARM DDI 0487, C6.2: PACIA to XPACLRI; shared/functions/pac).
#include "frontend/pauth.h"

#include "frontend/system.h"

namespace ferry::frontend {
namespace {

using cpu::Feature;
using cpu::Helper;
using cpu::PacKey;
using ir::Op;
using ir::Type;
using ir::Value;

constexpr u64 kHalfBit = u64{1} << 55;

Value state(Context& c, usize offset) { return c.b.load_state(Type::I64, offset); }

// cpu::fast_pac
Value fast_pac(Context& c, Value data, Value modifier, PacKey key) {
  ir::Builder& b = c.b;
  const Value high = state(c, cpu::sysreg_offset(cpu::pac_key_high(key)));
  const Value low = state(c, cpu::sysreg_offset(cpu::pac_key_low(key)));
  const Value sum = b.add(b.xor_(data, high), b.ror(modifier, b.imm64(cpu::kFastPacRotate)));
  const Value product = b.mul(sum, b.or_(b.xor_(low, b.imm64(cpu::kFastPacMultiplier)), b.imm64(1)));
  return b.xor_(product, b.shr_imm(product, cpu::kFastPacShift));
}

// The PAC, and bit 55 as it must be: what the bits of CpuState::pac_mask are compared with and replaced by.
Value field(Context& c, Value data, Value modifier, PacKey key) {
  const Value pac = fast_pac(c, data, modifier, key);
  return c.mode.el() == 1 ? c.b.or_(pac, c.b.imm64(kHalfBit)) : c.b.and_imm(pac, ~kHalfBit);
}

// Inline for return addresses, which compilers sign with key A, of the half that the current EL's own code lies in.
// Linux switches the other keys with its tasks: in Mode they would have the kernel translated twice.
bool is_inline(Context& c, PacKey key) { return c.mode.pac() != 0 && key == PacKey::IA; }

Value zero(Context& c) { return c.b.imm64(0); }

Value call(Context& c, Helper h, Value a, Value b, u64 third) {
  return c.b.call(static_cast<u32>(h), Type::I64, a, b, c.b.imm64(third));
}

}  // namespace

Value add_pac(Context& c, Value pointer, Value modifier, PacKey key) {
  if (!is_inline(c, key)) return call(c, Helper::pac, pointer, modifier, static_cast<u64>(key));
  ir::Builder& b = c.b;
  const Value mask = state(c, offsetof(cpu::CpuState, pac_mask));
  const Value bad = c.mode.el() == 1 ? b.binary(Op::AndNot, mask, pointer) : b.and_(mask, pointer);
  const Value pac = field(c, pointer, modifier, key);
  const Value with_pac = b.xor_(pointer, b.and_(b.xor_(pointer, pac), mask));
  return b.call_if(static_cast<u32>(Helper::pac), b.cmp(ir::CmpKind::Ne, bad, zero(c)), with_pac, pointer, modifier,
                   static_cast<unsigned>(key));
}

Value authenticate(Context& c, Value pointer, Value modifier, PacKey key) {
  if (!is_inline(c, key)) return call(c, Helper::aut, pointer, modifier, static_cast<u64>(key));
  ir::Builder& b = c.b;
  const Value mask = state(c, offsetof(cpu::CpuState, pac_mask));
  const Value original = c.mode.el() == 1 ? b.or_(pointer, mask) : b.binary(Op::AndNot, pointer, mask);
  const Value wrong = b.and_(b.xor_(pointer, field(c, original, modifier, key)), mask);
  return b.call_if(static_cast<u32>(Helper::aut), b.cmp(ir::CmpKind::Ne, wrong, zero(c)), original, pointer, modifier,
                   static_cast<unsigned>(key));
}

namespace {

// PACIA, PACIB, PACDA, PACDB; AUTIA ...
template <PacKey K>
void pac(Context& c, unsigned n, unsigned d) {
  c.set_x(d, add_pac(c, c.x(Type::I64, d), c.x_sp(Type::I64, n), K));
}
template <PacKey K>
void aut(Context& c, unsigned n, unsigned d) {
  c.set_x(d, authenticate(c, c.x(Type::I64, d), c.x_sp(Type::I64, n), K));
}

// PACIZA ..., AUTIZA ...
template <PacKey K>
void pac_zero(Context& c, unsigned d) {
  c.set_x(d, add_pac(c, c.x(Type::I64, d), zero(c), K));
}
template <PacKey K>
void aut_zero(Context& c, unsigned d) {
  c.set_x(d, authenticate(c, c.x(Type::I64, d), zero(c), K));
}

// XPACI, XPACD
template <bool Data>
void xpac(Context& c, unsigned d) {
  c.set_x(d, c.b.call(static_cast<u32>(Helper::xpac), Type::I64, c.x(Type::I64, d), c.b.imm64(Data ? 1 : 0)));
}

// PACGA
void pacga(Context& c, unsigned m, unsigned n, unsigned d) {
  c.set_x(d, c.b.call(static_cast<u32>(Helper::pacga), Type::I64, c.x(Type::I64, n), c.x_sp(Type::I64, m)));
}

// clang-format off: a row a line
constexpr Row kRows[] = {
    // Data-processing (1 source)
    row<"1 1 0 11010110 00001 000000 nnnnn ddddd", pac<PacKey::IA>, Feature::PAuth>("PACIA"),
    row<"1 1 0 11010110 00001 000001 nnnnn ddddd", pac<PacKey::IB>, Feature::PAuth>("PACIB"),
    row<"1 1 0 11010110 00001 000010 nnnnn ddddd", pac<PacKey::DA>, Feature::PAuth>("PACDA"),
    row<"1 1 0 11010110 00001 000011 nnnnn ddddd", pac<PacKey::DB>, Feature::PAuth>("PACDB"),
    row<"1 1 0 11010110 00001 000100 nnnnn ddddd", aut<PacKey::IA>, Feature::PAuth>("AUTIA"),
    row<"1 1 0 11010110 00001 000101 nnnnn ddddd", aut<PacKey::IB>, Feature::PAuth>("AUTIB"),
    row<"1 1 0 11010110 00001 000110 nnnnn ddddd", aut<PacKey::DA>, Feature::PAuth>("AUTDA"),
    row<"1 1 0 11010110 00001 000111 nnnnn ddddd", aut<PacKey::DB>, Feature::PAuth>("AUTDB"),
    row<"1 1 0 11010110 00001 001000 11111 ddddd", pac_zero<PacKey::IA>, Feature::PAuth>("PACIZA"),
    row<"1 1 0 11010110 00001 001001 11111 ddddd", pac_zero<PacKey::IB>, Feature::PAuth>("PACIZB"),
    row<"1 1 0 11010110 00001 001010 11111 ddddd", pac_zero<PacKey::DA>, Feature::PAuth>("PACDZA"),
    row<"1 1 0 11010110 00001 001011 11111 ddddd", pac_zero<PacKey::DB>, Feature::PAuth>("PACDZB"),
    row<"1 1 0 11010110 00001 001100 11111 ddddd", aut_zero<PacKey::IA>, Feature::PAuth>("AUTIZA"),
    row<"1 1 0 11010110 00001 001101 11111 ddddd", aut_zero<PacKey::IB>, Feature::PAuth>("AUTIZB"),
    row<"1 1 0 11010110 00001 001110 11111 ddddd", aut_zero<PacKey::DA>, Feature::PAuth>("AUTDZA"),
    row<"1 1 0 11010110 00001 001111 11111 ddddd", aut_zero<PacKey::DB>, Feature::PAuth>("AUTDZB"),
    row<"1 1 0 11010110 00001 010000 11111 ddddd", xpac<false>, Feature::PAuth>("XPACI"),
    row<"1 1 0 11010110 00001 010001 11111 ddddd", xpac<true>, Feature::PAuth>("XPACD"),
    // Data-processing (2 source)
    row<"1 0 0 11010110 mmmmm 001100 nnnnn ddddd", pacga, Feature::PAuth>("PACGA"),
};
// clang-format on

// PACIASP and its like: X30 with SP or zero, X17 with X16.
void hint_pac(Context& c, PacKey key, unsigned x, Value modifier) {
  c.set_x(x, add_pac(c, c.x(Type::I64, x), modifier, key));
}
void hint_aut(Context& c, PacKey key, unsigned x, Value modifier) {
  c.set_x(x, authenticate(c, c.x(Type::I64, x), modifier, key));
}

}  // namespace

std::span<const Row> pauth_rows() { return kRows; }

bool emit_pauth_hint(Context& c, unsigned hint) {
  const auto sp = [&] { return c.x_sp(Type::I64, 31); };
  const auto x16 = [&] { return c.x(Type::I64, 16); };
  if (hint != 7 && (hint < 8 || hint > 14 || hint % 2 != 0) && (hint < 24 || hint > 31)) return false;
  if (!c.has(Feature::PAuth)) return true;
  switch (hint) {
    case 7: xpac<false>(c, 30); break;                     // XPACLRI
    case 8: hint_pac(c, PacKey::IA, 17, x16()); break;     // PACIA1716
    case 10: hint_pac(c, PacKey::IB, 17, x16()); break;    // PACIB1716
    case 12: hint_aut(c, PacKey::IA, 17, x16()); break;    // AUTIA1716
    case 14: hint_aut(c, PacKey::IB, 17, x16()); break;    // AUTIB1716
    case 24: hint_pac(c, PacKey::IA, 30, zero(c)); break;  // PACIAZ
    case 25: hint_pac(c, PacKey::IA, 30, sp()); break;     // PACIASP
    case 26: hint_pac(c, PacKey::IB, 30, zero(c)); break;  // PACIBZ
    case 27: hint_pac(c, PacKey::IB, 30, sp()); break;     // PACIBSP
    case 28: hint_aut(c, PacKey::IA, 30, zero(c)); break;  // AUTIAZ
    case 29: hint_aut(c, PacKey::IA, 30, sp()); break;     // AUTIASP
    case 30: hint_aut(c, PacKey::IB, 30, zero(c)); break;  // AUTIBZ
    default: hint_aut(c, PacKey::IB, 30, sp()); break;     // AUTIBSP
  }
  return true;
}

}  // namespace ferry::frontend
