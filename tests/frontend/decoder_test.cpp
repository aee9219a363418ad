// The decoder: our tables against Capstone, the memo, and the top-level table.
#include "frontend/decoder.h"

#include <atomic>
#include <random>
#include <thread>

#include "frontend/alias.h"
#include "frontend/pattern.h"
#include "ir/builder.h"
#include "ir/verify.h"
#include "tests/catch.h"

using namespace ferry;
using namespace ferry::frontend;

namespace {

std::vector<Row> all_rows() {
  std::vector<Row> all;
  for (const auto rows : row_tables()) all.insert(all.end(), rows.begin(), rows.end());
  return all;
}

// Whether the word's function raises UNDEFINED as its only effect.
bool raises_undefined(u32 word) {
  ir::Block block;
  ir::Builder b(block);
  Context c{.b = b, .mode = {}};
  decode(word)(c, word);
  return !block.insts.empty() && block.exit().op == ir::Op::ExitException;
}

}  // namespace

TEST_CASE("every row is reached, and Capstone calls most of its words by the row's name") {
  std::mt19937 random(1);
  for (const Row& r : all_rows()) {
    unsigned reached = 0, named = 0;
    for (int i = 0; i < 2000 && reached < 200; ++i) {
      const u32 word = (static_cast<u32>(random()) & ~r.mask) | r.value;
      if (decode(word) != r.emit || raises_undefined(word)) continue;  // another row's, or a reserved value of a field
      ++reached;
      const unsigned id = capstone_id(word);
      named += r.id == kAnyId || id == r.id;
      INFO(r.title << " word " << std::hex << word << " is " << disassemble(word, 0));
      if (id != 0 && r.id != kAnyId) CHECK(id == r.id);
    }
    INFO(r.title);
    CHECK((reached > 0 || raises_undefined(r.value)));
    CHECK(2 * named >= reached);
  }
}

TEST_CASE("outside SIMD, Capstone's name of a word leads to the row that is found without it") {
  std::mt19937 random(3);
  const auto rows = all_rows();
  for (int i = 0; i < 60000; ++i) {
    u32 word = static_cast<u32>(random());
    if (i % 2 != 0) {
      const Row& r = rows[random() % rows.size()];
      word = (word & ~r.mask) | r.value;
    }
    if (i % 4 == 1) word ^= 1u << (random() % 32);
    const EncodingClass k = encoding_class(word);
    if (k == EncodingClass::Unallocated || k == EncodingClass::SimdFp) continue;
    const unsigned id = capstone_id(word);
    INFO(std::hex << word << " " << disassemble(word, 0));
    switch (k) {
      case EncodingClass::DataProcessingImmediate:
        CHECK(find_data_processing_immediate(id, word) == find_data_processing_immediate(kAnyId, word));
        break;
      case EncodingClass::BranchExceptionSystem:
        CHECK(find_branch_exception_system(id, word) == find_branch_exception_system(kAnyId, word));
        break;
      case EncodingClass::LoadStore: CHECK(find_load_store(id, word) == find_load_store(kAnyId, word)); break;
      default: CHECK(find_data_processing_register(id, word) == find_data_processing_register(kAnyId, word));
    }
  }
}

TEST_CASE("rows do not overlap, unless the special case stands before the general one") {
  auto rows = all_rows();
  // Vector immediates and shifts by immediate share their space; their tables' order and Capstone's names tell them
  // apart.
  std::erase_if(rows, [](const Row& r) { return encoding_class(r.value) == EncodingClass::SimdFp; });
  for (usize i = 0; i < rows.size(); ++i)
    for (usize j = i + 1; j < rows.size(); ++j) {
      const Row &a = rows[i], &b = rows[j];
      const u32 common = a.mask & b.mask;
      INFO(a.title << " and " << b.title);
      CHECK(((a.value & common) != (b.value & common) || (common == b.mask && a.mask != b.mask)));
    }
}

// Equal or overlapping registers: CONSTRAINED UNPREDICTABLE, which Capstone refuses and we execute. It refuses LDTR and
// STTR of their own base as well, which are plain instructions.
static bool overlapping_registers(u32 word) {
  const u64 t = bits(word, 4, 0), n = bits(word, 9, 5), t2 = bits(word, 14, 10);
  const bool load = bit(word, 22);
  if (bits(word, 29, 27) == 0b111)
    return bits(word, 25, 24) == 0 && !bit(word, 21) && bits(word, 11, 10) != 0 && t == n;
  if (bits(word, 29, 27) == 0b101) return (load && t == t2) || (bit(word, 23) && n != 31 && (t == n || t2 == n));
  return bits(word, 29, 23) == 0b0010000 && bit(word, 21) && load && t == t2;
}

TEST_CASE("random words of the base classes are allocated exactly where Capstone says so") {
  std::mt19937 random(2);
  for (int i = 0; i < 200000; ++i) {
    const u32 word = static_cast<u32>(random());
    const EncodingClass k = encoding_class(word);
    if (k == EncodingClass::Unallocated || k == EncodingClass::SimdFp) continue;
    if (k == EncodingClass::LoadStore && (bit(word, 26) || overlapping_registers(word))) continue;
    if (k == EncodingClass::BranchExceptionSystem && (word >> 24 == 0xd4 || word >> 24 == 0xd5)) continue;
    INFO(std::hex << word << " " << disassemble(word, 0));
    CHECK(raises_undefined(word) == (capstone_id(word) == 0));
  }
}

TEST_CASE("a word is decoded to the same function from any thread, also when the memo overflows") {
  const EmitFn add = decode(0x8b020020);
  std::vector<std::thread> threads;
  std::atomic<unsigned> wrong = 0;
  for (unsigned t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      for (int i = 0; i < 20000; ++i) {
        decode(static_cast<u32>(random()));
        if (decode(0x8b020020) != add) ++wrong;
      }
    });
  for (auto& t : threads) t.join();
  CHECK(wrong == 0);
}

TEST_CASE("the top-level table") {
  CHECK(encoding_class(0x00000000) == EncodingClass::Unallocated);
  CHECK(encoding_class(0x91000400) == EncodingClass::DataProcessingImmediate);  // add x0, x0, #1
  CHECK(encoding_class(0xd65f03c0) == EncodingClass::BranchExceptionSystem);    // ret
  CHECK(encoding_class(0xf9400000) == EncodingClass::LoadStore);                // ldr x0, [x0]
  CHECK(encoding_class(0x8b020020) == EncodingClass::DataProcessingRegister);   // add x0, x1, x2
  CHECK(encoding_class(0x4e228420) == EncodingClass::SimdFp);                   // add v0.16b, v1.16b, v2.16b
  CHECK(is_unallocated(0x00000000));
  CHECK(is_unallocated(0x04000000));  // SVE
}

TEST_CASE("what explain says of a word") {
  CHECK(title_of(0xf9400000) == std::string("LDR (immediate)"));
  CHECK(title_of(0x00000000) == nullptr);
  CHECK(disassemble(0xb8408c20, 0) == "ldr w0, [x1, #8]!");
  CHECK(disassemble(0x14000001, 0x1000) == "b #0x1004");
  CHECK(disassemble(0x00000000, 0).empty());
}
