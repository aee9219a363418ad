#include "verify/campaign.h"

#include "core/check.h"

namespace ferry::verify {

void DistinctWords::add(u32 word) {
  const u32 hash = static_cast<u32>(word * u64{0x9e3779b97f4a7c15} >> (64 - kBits));
  u64& bits = bits_[hash >> 6];
  const u64 mask = u64{1} << (hash & 63);
  count_ += (bits & mask) == 0 ? 1 : 0;
  bits |= mask;
}

Campaign::Campaign(Checker& checker, Class of_class, u64 seed, const cpu::Model& model, Session::HostText text)
    : checker_(checker), class_(of_class), generator_(of_class, seed, model), text_(text) {}

Result<std::optional<Finding>> Campaign::run(u64 number, usize states) {
  ASSERT(states > 0 && states <= kMaxCases, "a sequence runs on one state to kMaxCases");
  const Sequence sequence = generator_.sequence(number);
  cases_.resize(states);
  for (OracleCase& c : cases_) generator_.state(sequence, c);
  const Variant variant = variant_of(number);
  auto result = checker_.check(sequence, cases_, variant);
  if (!result) return result.error();
  ++counts_.sequences;
  counts_.cases += states;
  counts_.instructions += sequence.words.size();
  if (distinct_ != nullptr)
    for (const u32 w : sequence.words) distinct_->add(w);
  if (!*result) return std::optional<Finding>();
  auto finding = shrink(checker_, sequence, cases_[(*result)->which], variant, text_);
  // Alone it agrees: what is left is the case among the others.
  if (!finding) return std::optional(Finding{sequence, cases_[(*result)->which], variant, std::move(**result)});
  return std::optional(std::move(*finding));
}

void Campaign::note(u64 number, DistinctWords& words) {
  for (const u32 w : generator_.sequence(number).words) words.add(w);
}

}  // namespace ferry::verify
