#include "core/parse_number.h"

#include <charconv>

namespace ferry {

std::optional<u64> parse_number(std::string_view text) {
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    base = 16;
    text.remove_prefix(2);
  }
  u64 value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

std::optional<u64> parse_size(std::string_view text) {
  if (text.starts_with("0x") || text.starts_with("0X")) return parse_number(text);  // B could be a digit
  if (text.ends_with("iB") || text.ends_with("ib")) {
    text.remove_suffix(2);
  } else if (text.ends_with("B") || text.ends_with("b")) {
    text.remove_suffix(1);
  }
  unsigned shift = 0;
  if (!text.empty()) {
    switch (text.back()) {
      case 'k':
      case 'K': shift = 10; break;
      case 'm':
      case 'M': shift = 20; break;
      case 'g':
      case 'G': shift = 30; break;
      case 't':
      case 'T': shift = 40; break;
      default: break;
    }
  }
  if (shift != 0) text.remove_suffix(1);
  const auto value = parse_number(text);
  if (!value || (*value << shift) >> shift != *value) return std::nullopt;
  return *value << shift;
}

}  // namespace ferry
