// Option values in QEMU's form: "first,name=value,name=value", where ",," stands for a comma in a value.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "core/types.h"

namespace ferry::app {

class KeyValues {
 public:
  // `option` is named in errors: "-drive". `first_key`: what a leading word without '=' means ("file"); empty: it is an
  // error.
  // `may_repeat`: the one key that may be given more than once.
  static Result<KeyValues> parse(std::string_view option, std::string_view text, std::string_view first_key,
                                 std::string_view may_repeat = "");

  // Takes a value out; nothing when the key was not given.
  std::optional<std::string> take(std::string_view key);
  std::vector<std::string> take_all(std::string_view key);  // of a key that `may_repeat`
  Result<bool> take_switch(std::string_view key, bool otherwise);
  Result<std::optional<u64>> take_number(std::string_view key);  // 0x.. too, K, M, G
  // Everything not yet taken, in order.
  const std::vector<std::pair<std::string, std::string>>& rest() const { return pairs_; }
  // An Error that names the first key not yet taken and the nearest of `known`.
  Status done(std::span<const std::string_view> known) const;

 private:
  std::string option_;
  std::vector<std::pair<std::string, std::string>> pairs_;
};

}  // namespace ferry::app
