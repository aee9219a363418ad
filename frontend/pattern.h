// Rows of the encoding tables: a bit pattern, Capstone's id of the base instruction, and the function that emits it.
//
//   row<"z 0 0 100010 h iiiiiiiiiiii nnnnn ddddd", add_immediate>(ARM64_INS_ADD, "ADD (immediate)")
//
// A pattern is 32 bits from bit 31 down; spaces are free. 0 and 1 are fixed, '-' is ignored (should-be-one and
// should-be-zero bits), a run of one letter is a field. The fields are passed, in order, as unsigned values: a function
// with another number of parameters does not compile. Encodings that need more than fixed bits (reserved values of a
// field) are checked by the function, which calls undefined().
#pragma once
#include <array>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

#include "frontend/insn.h"

namespace ferry::frontend {

struct Field {
  u8 low = 0;
  u8 width = 0;
};

// A parsed bit pattern; a malformed one is a compile-time error.
struct BitPattern {
  u32 mask = 0;   // fixed bits
  u32 value = 0;  // what they must be
  std::array<Field, 10> fields{};
  unsigned field_count = 0;

  template <usize N>
  consteval BitPattern(const char (&text)[N]) {  // NOLINT: implicit, so that rows read as text
    unsigned position = 32;
    char open = 0;
    for (usize i = 0; i + 1 < N; ++i) {
      if (text[i] == ' ') continue;
      if (position == 0) throw "pattern longer than 32 bits";
      --position;
      take(text[i], position, open);
    }
    if (position != 0) throw "pattern shorter than 32 bits";
    for (unsigned i = 0; i < field_count; ++i)
      for (unsigned j = 0; j < i; ++j)
        if (letters[i] == letters[j]) throw "a field's bits are apart";
  }

  std::array<char, 10> letters{};

 private:
  consteval void take(char letter, unsigned position, char& open) {
    const bool fixed = letter == '0' || letter == '1';
    if (fixed || letter == '-') {
      open = 0;
      if (fixed) mask |= 1u << position;
      if (letter == '1') value |= 1u << position;
      return;
    }
    if (letter != open) letters[field_count++] = open = letter;
    Field& field = fields[field_count - 1];
    field.low = static_cast<u8>(position);
    ++field.width;
  }
};

struct Row {
  u32 mask;
  u32 value;
  unsigned id;  // Capstone's base id (arm64_insn); kAnyId where Capstone does not know the instruction
  EmitFn emit;
  const char* title;  // the manual's title
  cpu::Feature feature = cpu::Feature::Base;
};
constexpr unsigned kAnyId = 0;

template <BitPattern P, auto Fn, usize... I>
void emit_fields(Context& c, [[maybe_unused]] u32 word, std::index_sequence<I...>) {
  static_assert(std::is_invocable_v<decltype(Fn), Context&, decltype(static_cast<unsigned>(I))...>,
                "the function's parameters are not the pattern's fields");
  Fn(c, static_cast<unsigned>(bits(word, P.fields[I].low + P.fields[I].width - 1u, P.fields[I].low))...);
}
template <BitPattern P, auto Fn, cpu::Feature F = cpu::Feature::Base>
void emit_row(Context& c, u32 word) {
  if (F != cpu::Feature::Base && !c.has(F)) return c.undefined();
  emit_fields<P, Fn>(c, word, std::make_index_sequence<P.field_count>{});
}

template <BitPattern P, auto Fn>
consteval Row row(unsigned id, const char* title) {
  return {P.mask, P.value, id, &emit_row<P, Fn>, title};
}

// A row of an extension, which Capstone need not know:
//   row<"z 0 111000 a r 1 sssss 0000 00 nnnnn ttttt", atomic_add, cpu::Feature::LSE>("LDADD")
// UNDEFINED where the processor's model lacks the feature.
template <BitPattern P, auto Fn, cpu::Feature F>
consteval Row row(const char* title) {
  return {P.mask, P.value, kAnyId, &emit_row<P, Fn, F>, title, F};
}

// The first row whose fixed bits match and whose id Capstone agrees with (id 0: Capstone does not know the word), or
// nullptr.
constexpr const Row* find_row(std::span<const Row> rows, unsigned id, u32 word) {
  for (const Row& r : rows)
    if ((word & r.mask) == r.value && (id == 0 || r.id == kAnyId || r.id == id)) return &r;
  return nullptr;
}
constexpr EmitFn find_emit(std::span<const Row> rows, unsigned id, u32 word) {
  const Row* r = find_row(rows, id, word);
  return r == nullptr ? nullptr : r->emit;
}

// The tables, for explain, tests and generators; row_tables() is all of them.
std::span<const Row> data_processing_immediate_rows();
std::span<const Row> data_processing_register_rows();
std::span<const Row> branch_rows();
std::span<const Row> load_store_rows();
std::span<const Row> load_store_exclusive_rows();
std::span<const Row> load_store_atomic_rows();
std::span<const std::span<const Row>> row_tables();

}  // namespace ferry::frontend
