// Random blocks, every form of every computing op, and what compiled code makes of them against the interpreter: what
// each compiled tier's tests run.
#pragma once
#include <fmt/format.h>

#include <cstdlib>

#include "ir/builder.h"
#include "ir/passes.h"
#include "ir/text.h"
#include "jit/interpreter/interpreter.h"
#include "jit/tier.h"
#include "machine.h"
#include "shapes.h"
#include "tests/catch.h"

namespace ferry::jit::test {

using ir::Block;
using ir::Inst;
using ir::Op;
using ir::Type;
using ir::Value;

struct Random {
  std::mt19937_64 engine;
  explicit Random(u64 seed) : engine(seed) {}
  u64 operator()() { return engine(); }
  u64 below(u64 n) { return engine() % n; }
};

// Values where integers and floats go wrong, among random ones.
inline u64 interesting(Random& r) {
  static constexpr u64 kCorners[] = {
      0, 1, 2, 3, 7, 8, 31, 32, 33, 63, 64, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000,
      0xffffffff, 0x100000000, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff, 0xfffffffffffffffe,
      0xffffffff00000000,
      // doubles: 1, -1, 0.5, infinities, NaNs, subnormals, smallest normal, 2^31, 2^32, 2^63, 2^64, 1e-300
      0x3ff0000000000000, 0xbff0000000000000, 0x3fe0000000000000, 0x7ff0000000000000, 0xfff0000000000000,
      0x7ff8000000000000, 0x7ff0000000000001, 0xfff8000000000123, 0x000fffffffffffff, 0x0010000000000000,
      0x0010000000000001, 0x41e0000000000000, 0x41f0000000000000, 0x43e0000000000000, 0xc3e0000000000000,
      0x43f0000000000000, 0x01a56e1fc2f8f359, 0x7fefffffffffffff,
      // pairs of singles
      0x3f800000bf800000, 0x7f800000ff800000, 0x7fc000007f800001, 0x007fffff00800000, 0x00800001cf000000,
      0x4f0000004f800000, 0x5f0000007f7fffff, 0x3fc00000c0200000, 0xffc0000080000000, 0x3f8000003f800001,
      0x0000000180000001};
  switch (r.below(4)) {
    case 0: return r();
    case 1: return r() & r() & r();
    default: return kCorners[r.below(std::size(kCorners))];
  }
}

inline void randomise_registers(Machine& m, Random& r) {
  for (u64& x : m.s.x) x = interesting(r);
  for (U128& v : m.s.v) v = {interesting(r), interesting(r)};
  m.s.nzcv = static_cast<u32>(r()) & cpu::kNzcvMask;
  m.s.fpsr = static_cast<u32>(r()) & 0x1f;
  m.s.fault = 0;
  m.s.exception = {};
}

inline void randomise(Machine& m, Random& r) {
  randomise_registers(m, r);
  for (u8& b : m.memory) b = static_cast<u8>(r());
}

// Exits without links end in the interpreter as Next, in compiled code as Next or Indirect.
inline ExitReason plain(ExitReason e) { return e == ExitReason::Indirect ? ExitReason::Next : e; }

struct Tiers {
  explicit Tiers(jit::Tier& tier) : compiler(tier) {}
  jit::Tier& compiler;
  Interpreter interpreter;
  Machine want, got;

  // Runs a block in both from the state in `want`; what differs.
  std::string run(const Block& block, const CompiledCode& code) {
    got.copy_guest(want);
    const ExitReason a = interpreter.run(want.s, block);
    const ExitReason b = static_cast<ExitReason>(compiler.enter(got.s, code.entry));
    if (plain(a) != plain(b)) return fmt::format("exit: expected {}, is {}", static_cast<u32>(a), static_cast<u32>(b));
    if (a != ExitReason::Fault && want.s.pc != got.s.pc)
      return fmt::format("pc: expected {:x}, is {:x}", want.s.pc, got.s.pc);
    return difference(want, got);
  }
};

inline Value get(ir::Builder& b, Type t, unsigned n) {
  switch (t) {
    case Type::I32:
    case Type::I64: return b.get_x(t, n);
    case Type::F32:
    case Type::F64: return b.get_f(t, n);
    default: return b.get_v(n);
  }
}

inline void set(ir::Builder& b, Type t, unsigned n, Value v) {
  if (ir::is_int(t)) return b.set_x(n, v);
  if (ir::is_float(t)) return b.set_f(n, v);
  b.set_v(n, v);
}

// A random block: computing ops over registers, constants and earlier values, register writes, accesses, some passed
// through the IR passes.
class Generator {
 public:
  Generator(Random& r, const std::vector<Inst>& shapes) : r_(r), shapes_(shapes) {}

  Block make() {
    return make(0, 20, [this](ir::Builder& b) { leave(b); });
  }
  // At an offset of the page, of at most so many instructions, left as the callback says.
  template <class Leave>
  Block make(u32 offset, u64 most, Leave leave) {
    Block block;
    block.page_offset = offset;
    ir::Builder b(block);
    const unsigned insns = 1 + static_cast<unsigned>(r_.below(most));
    for (unsigned n = 0; n < insns; ++n) {
      b.insn(0, offset / 4 + n);
      ++block.insn_count;
      for (u64 k = 1 + r_.below(4); k-- > 0;) step(b);
    }
    leave(b);
    return block;
  }
  Value condition(ir::Builder& b) { return b.cond_holds(static_cast<unsigned>(r_.below(14)), flags(b)); }

 private:
  Value pick(ir::Builder& b, Type t) {
    std::vector<Value> have;
    for (Value v = 0; v < b.block().insts.size(); ++v)
      if (b.block().insts[v].op != Op::Insn && b.type(v) == t && b.block().insts[v].op != Op::LoadPair)
        have.push_back(v);
    const u64 choice = r_.below(8);
    if (!have.empty() && choice < 4) return have[have.size() - 1 - r_.below(std::min<u64>(have.size(), 6))];
    if (choice == 4 && ir::is_int(t)) return b.constant(t, interesting(r_) & low_mask(ir::width(t)));
    if (choice == 5 && t == Type::V128) return b.vconst(interesting(r_));
    return get(b, t, static_cast<unsigned>(r_.below(ir::is_int(t) ? 32 : 20)));
  }
  Value flags(ir::Builder& b) {
    const Type t = r_.below(2) != 0 ? Type::I32 : Type::I64;
    switch (r_.below(5)) {
      case 0: return b.get_nzcv();
      case 1: return b.flags(Op::AddNzcv, pick(b, t), pick(b, t));
      case 2: return b.flags(Op::LogicNzcv, pick(b, t));
      default: return b.flags(Op::SubNzcv, pick(b, t), pick(b, t));
    }
  }
  Value address(ir::Builder& b, unsigned bytes) {
    // Mostly aligned, sometimes over a page's end, into every kind of page.
    const u64 mask = (kMemBytes - 1) & ~(r_.below(3) != 0 ? u64{bytes} - 1 : 0);
    Value a = b.add_imm(b.and_imm(pick(b, Type::I64), mask & (r_.below(4) == 0 ? ~u64{0} : ~u64{0x2000})), kBase);
    if (r_.below(2) != 0) a = b.add_imm(a, r_.below(64) * bytes);
    return a;
  }
  void access(ir::Builder& b) {
    static constexpr Type kTypes[] = {Type::I32, Type::I64, Type::F32, Type::F64, Type::V128};
    const Type t = kTypes[r_.below(5)];
    MemInfo m;
    m.size_log2 = static_cast<u8>(t == Type::V128  ? 4
                                  : t == Type::F64 ? 3
                                  : t == Type::F32 ? 2
                                                   : r_.below(t == Type::I64 ? 4 : 3));
    m.sign = ir::is_int(t) && r_.below(3) == 0;
    m.unprivileged = r_.below(16) == 0;
    m.aligned = r_.below(8) == 0;
    const bool pair = m.size_log2 >= 2 && r_.below(3) == 0;
    if (pair) m.pair = true;
    const Value a = address(b, m.bytes());
    if (r_.below(2) != 0) {
      if (pair) return b.store_pair(a, pick(b, t), pick(b, t), m);
      return b.store(a, pick(b, t), m);
    }
    const Value v = pair ? b.load_pair(t, a, m) : b.load(t, a, m);
    const unsigned to = static_cast<unsigned>(r_.below(32));
    if (pair) {
      const Value second = b.second(v);
      set(b, t, to, v);
      set(b, t, static_cast<unsigned>(r_.below(32)), second);
    } else {
      set(b, t, to, v);
    }
  }
  void step(ir::Builder& b) {
    switch (r_.below(8)) {
      case 0: return access(b);
      case 1: {
        const Type t = r_.below(2) != 0 ? Type::I32 : Type::I64;
        const Value x = pick(b, t), y = pick(b, t);
        const Value result = b.binary(r_.below(2) != 0 ? Op::Sub : Op::Add, x, y);
        b.set_nzcv(b.flags(b.inst(result).op == Op::Add ? Op::AddNzcv : Op::SubNzcv, x, y));
        return b.set_x(static_cast<unsigned>(r_.below(32)), result);
      }
      case 2: return b.set_nzcv(flags(b));
      case 3: {
        const Type t = r_.below(2) != 0 ? Type::I32 : Type::I64;
        const Value c = b.cond_holds(static_cast<unsigned>(r_.below(14)), flags(b));
        return b.set_x(static_cast<unsigned>(r_.below(32)), b.select(c, pick(b, t), pick(b, t)));
      }
      default: break;
    }
    Inst shape = shapes_[r_.below(shapes_.size())];
    for (unsigned n = 0; n < ir::info(shape.op).operands.size(); ++n) {
      const Type t = operand_type(shape, n);
      const bool is_flags = (t == Type::I32 && n == 2) || shape.op == Op::CondHolds || shape.op == Op::NzcvToArch;
      shape.args[n] = is_flags ? flags(b) : pick(b, t);
    }
    const Value v = b.emit(shape);
    for (u64 k = r_.below(3); k-- > 0;) set(b, shape.result_type(), static_cast<unsigned>(r_.below(32)), v);
  }
  void leave(ir::Builder& b) {
    switch (r_.below(4)) {
      case 0: return b.exit_next(0x100);
      case 1: return b.exit_indirect(ir::IndirectKind::Jump, pick(b, Type::I64));
      case 2: return b.exit_if(b.cond_holds(static_cast<unsigned>(r_.below(14)), flags(b)), 0x40, -8);
      default:
        return b.exit_if(b.cmp(static_cast<ir::CmpKind>(r_.below(6)), pick(b, Type::I32), pick(b, Type::I32)), 0x80,
                         0x1004);
    }
  }

  Random& r_;
  const std::vector<Inst>& shapes_;
};

inline ir::CallEffects no_calls(u64) { return {}; }

// A number from the environment, for the full run.
inline u64 from_environment(const char* name, u64 otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 0) : otherwise;
}

// FERRY_KEEP_CODE=1: no address gets other code later. qemu-user before 8.1 goes on with what it has translated when
// code changes through another mapping, whatever IC IVAU says.
inline void give_back(jit::Tier& tier, CompiledCode& code) {
  if (from_environment("FERRY_KEEP_CODE", 0) == 0) tier.release(code);
}

inline void check_random_blocks(jit::Tier& tier, u64 blocks, u64 seed) {
  Tiers t(tier);
  Random r(seed);
  const std::vector<Inst> shapes = all_shapes();
  for (u64 n = 0; n < blocks; ++n) {
    Block block = Generator(r, shapes).make();
    REQUIRE(ir::verify(block) == "");
    if (n % 2 != 0) REQUIRE(ir::optimize(block, no_calls, true) == "");
    cpu::Mode mode;
    mode.set_mmu(1);
    mode.set_align_check(n % 5 == 0 ? 1 : 0);
    block.mode = mode.value;
    auto code = tier.compile(block, nullptr);
    REQUIRE(code.ok());
    for (unsigned run = 0; run < 8; ++run) {
      randomise(t.want, r);
      t.want.s.mode = mode;
      const std::string e = t.run(block, *code);
      INFO("block " << n << ", run " << run << "\n" << ir::print(block));
      REQUIRE(e == "");
    }
    give_back(tier, *code);
    if (tier.used() > tier.capacity() / 4 * 3) tier.reset();
  }
}

// Registers: pinned and not; a result over an operand; two equal operands. Every `step`-th of the four variants of each
// form.
inline void check_every_form(jit::Tier& tier, unsigned step, u64 seed) {
  Tiers t(tier);
  Random r(seed);
  unsigned turn = 0;
  for (Inst shape : all_shapes()) {
    for (unsigned variant = 0; variant < 4; ++variant) {
      if (turn++ % step != 0) continue;
      Block block;
      block.insn_count = 1;
      ir::Builder b(block);
      b.insn(0, 0);
      const unsigned first = variant == 0 ? 0 : variant == 1 ? 5 : 12;
      for (unsigned n = 0; n < ir::info(shape.op).operands.size(); ++n) {
        const unsigned reg = variant == 3 ? first : first + n;
        shape.args[n] = operand_type(shape, n) == Type::I32 && n == 2
                            ? b.and_imm(get(b, Type::I32, reg), cpu::kNzcvMask)
                            : get(b, operand_type(shape, n), reg);
        if (shape.op == Op::CondHolds || shape.op == Op::NzcvToArch)
          shape.args[n] = b.and_imm(shape.args[n], cpu::kNzcvMask);
      }
      const Value v = static_cast<Value>(block.insts.size());
      block.insts.push_back(shape);
      const Type result = shape.result_type();
      set(b, result, variant == 2 ? 20 : first, v);
      if (variant == 1) set(b, result, 9, v);
      b.exit_next(4);
      REQUIRE(ir::verify(block) == "");
      auto code = tier.compile(block, nullptr);
      REQUIRE(code.ok());
      for (unsigned run = 0; run < 24; ++run) {
        randomise_registers(t.want, r);
        const std::string e = t.run(block, *code);
        INFO(ir::print(block));
        REQUIRE(e == "");
      }
      give_back(tier, *code);
    }
    if (tier.used() > tier.capacity() / 4 * 3) tier.reset();
  }
}

}  // namespace ferry::jit::test
