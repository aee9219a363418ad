// Sequences of floating-point operations whose results are checked together, against the interpreter: values that are
// NaN of several kinds, infinite, subnormal, or round to the smallest normal number from below.
#include "jit/tiers.h"
#ifdef FERRY_HAS_OPTIMIZING
#include "blocks.h"
#include "jit/load_optimizing.h"

namespace ferry::jit::test {
namespace {

// 2^-511 (1 + 2^-52) times 2^-511 (1 - 2^-52) is tiny and rounds to the smallest normal; likewise 2^-63 for singles.
u64 number64(Random& r) {
  static constexpr u64 kNumbers[] = {0x2000000000000001, 0x1ffffffffffffffe, 0x0010000000000000, 0x3ff0000000000000,
                                     0xbff8000000000000, 0x3fb999999999999a, 0xc08f400000000000, 0x0000000000000000,
                                     0x8000000000000000, 0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000123,
                                     0xfff8000000000456, 0x7ff0000000000789, 0x000fffffffffffff, 0x7fefffffffffffff};
  const u64 most = r.below(3) == 0 ? std::size(kNumbers) : 7;  // mostly none that makes all others NaN
  return r.below(2) == 0 ? kNumbers[r.below(most)] : (r() >> 12) | (0x3f0 + r.below(32)) << 52;
}

u32 number32(Random& r) {
  static constexpr u32 kNumbers[] = {0x20000001, 0x1ffffffe, 0x00800000, 0x3f800000, 0xbfc00000, 0x3dcccccd,
                                     0xc47a0000, 0x00000000, 0x80000000, 0x7f800000, 0xff800000, 0x7fc00123,
                                     0xffc00456, 0x7f800789, 0x007fffff, 0x7f7fffff};
  const u64 most = r.below(3) == 0 ? std::size(kNumbers) : 7;
  return r.below(2) == 0 ? kNumbers[r.below(most)] : static_cast<u32>((r() & 0x7fffff) | (0x78 + r.below(16)) << 23);
}

// Operations on one type (mostly), each on results before it and on registers.
class Sequence {
 public:
  Sequence(Random& r, Block& block) : r_(r), b_(block) {
    static constexpr Type kTypes[] = {Type::F32, Type::F64, Type::V128};
    type_ = kTypes[r.below(3)];
    lane_ = static_cast<unsigned>(2 + r.below(2));
    active_ = (16u >> lane_) >> (r.below(4) == 0 ? 1 : 0);
  }
  void step() {
    if (r_.below(8) == 0) known_.clear();
    Value v = operation();
    if (r_.below(6) == 0) v = negated(v);
    known_.push_back(v);
    if (r_.below(2) == 0) set(b_, type_, reg(), v);
    if (r_.below(8) == 0) b_.store(b_.add_imm(b_.get_x(Type::I64, 5), 16 * r_.below(4)), operand(), info());
    if (r_.below(8) == 0)
      known_.push_back(b_.load(type_, b_.add_imm(b_.get_x(Type::I64, 5), 16 * r_.below(4)), info()));
    if (r_.below(10) == 0 && type_ != Type::V128) b_.set_nzcv(b_.flags(Op::FCmp, operand(), operand()));
    if (r_.below(10) == 0) b_.set_x(20, b_.add_imm(b_.get_x(Type::I64, 20), 1));
    if (r_.below(12) == 0) type_ = type_ == Type::F32 ? Type::F64 : Type::F32, known_.clear();
  }

 private:
  unsigned reg() { return static_cast<unsigned>(r_.below(6)); }
  ir::MemInfo info() const {
    ir::MemInfo m;
    m.size_log2 = type_ == Type::V128 ? 4 : type_ == Type::F64 ? 3 : 2;
    return m;
  }
  Value operand() {
    if (known_.empty() || r_.below(3) == 0) return get(b_, type_, reg());
    return known_[known_.size() - 1 - r_.below(std::min<u64>(known_.size(), 4))];
  }
  Value negated(Value v) { return type_ == Type::V128 ? b_.vec(Op::VFNeg, lane_, v) : b_.unary(Op::FNeg, v); }
  Value operation() {
    static constexpr Op kScalar[] = {Op::FAdd, Op::FSub, Op::FMul, Op::FMul, Op::FNMul, Op::FDiv, Op::FSqrt, Op::FMadd};
    static constexpr Op kVector[] = {Op::VFAdd, Op::VFSub, Op::VFMul,  Op::VFMul,
                                     Op::VFMul, Op::VFDiv, Op::VFSqrt, Op::VFMla};
    const Op op = (type_ == Type::V128 ? kVector : kScalar)[r_.below(8)];
    const usize operands = ir::info(op).operands.size();
    const Value x = operand(), y = operands > 1 ? operand() : ir::kNoValue, z = operands > 2 ? operand() : ir::kNoValue;
    if (type_ == Type::V128) return b_.vec(op, lane_, x, y, z, active_);
    return operands == 1 ? b_.unary(op, x) : operands == 2 ? b_.binary(op, x, y) : b_.ternary(op, x, y, z);
  }

  Random& r_;
  ir::Builder b_;
  Type type_;
  unsigned lane_, active_;
  std::vector<Value> known_;
};

}  // namespace

TEST_CASE("optimizing: floating-point results that are checked together") {
  const unsigned level = GENERATE(0u, 2u);
  auto tier = std::move(*make_optimizing(64 << 20, level));
  Tiers t(*tier);
  Random r(from_environment("FERRY_SEED", 3) + level);
  for (u64 n = 0; n < from_environment("FERRY_RANDOM_BLOCKS", 240) / 4; ++n) {
    Block block;
    block.insn_count = 1;
    ir::Builder b(block);
    b.insn(0, 0);
    Sequence sequence(r, block);
    for (u64 i = 2 + r.below(n % 8 == 0 ? 40 : 12); i > 0; --i) sequence.step();
    b.exit_next(4);
    REQUIRE(ir::verify(block) == "");
    if (n % 2 != 0) REQUIRE(ir::optimize(block, no_calls, true) == "");
    auto code = tier->compile(block, nullptr);
    REQUIRE(code.ok());
    for (unsigned run = 0; run < 40; ++run) {
      randomise(t.want, r);
      t.want.s.mode = {};
      const bool doubles = r.below(2) == 0;
      const auto word = [&] { return doubles ? number64(r) : number32(r) | u64{number32(r)} << 32; };
      for (U128& v : t.want.s.v) v = {word(), word()};
      t.want.s.x[5] = kBase + 4096 * r.below(4);
      for (usize i = 0; i < 4; ++i) {
        const u64 w = word();
        std::memcpy(&t.want.memory[(t.want.s.x[5] - kBase) + 16 * i], &w, 8);
      }
      t.want.s.fpsr = 0;
      const std::string e = t.run(block, *code);
      INFO("block " << n << ", run " << run << "\n" << ir::print(block));
      REQUIRE(e == "");
    }
    give_back(*tier, *code);
  }
}

}  // namespace ferry::jit::test
#endif
