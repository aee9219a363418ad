#include "tests/insn/case.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

#include "cpu/exceptions.h"
#include "cpu/models.h"

namespace ferry::insn {
namespace {

constexpr usize kSlotBytes = 64;
constexpr u32 kFiller = 0x00c0ffee;  // after the last instruction of a slot

struct Parser {
  Case& out;
  std::string error;

  void fail(const std::string& word) {
    if (error.empty()) error = out.where + ": cannot read `" + word + "`";
  }

  std::optional<u64> hex(const std::string& text) {
    usize used = 0;
    if (text.empty() || text.size() > 16) return std::nullopt;
    const u64 v = std::stoull(text, &used, 16);
    return used == text.size() ? std::optional<u64>(v) : std::nullopt;
  }

  static u32 flags(const std::string& letters) {
    const auto has = [&](char c) { return letters.find(c) != std::string::npos; };
    return cpu::make_nzcv(has('N'), has('Z'), has('C'), has('V'));
  }

  bool vector(State& s, const std::string& name, std::string value) {
    if (name.size() < 2 || name[0] != 'v' || value.size() > 32) return false;
    value.insert(0, 32 - value.size(), '0');
    s.v[std::stoul(name.substr(1))] = {*hex(value.substr(16)), *hex(value.substr(0, 16))};
    return true;
  }

  bool memory(Memory& memory, const std::string& name, const std::string& value) {
    const auto address = hex(name.substr(2));
    if (!address || value.size() % 2 != 0 || *address < kMemoryVa ||
        *address + value.size() / 2 > kMemoryVa + kMemoryBytes)
      return false;
    for (usize i = 0; i < value.size(); i += 2)
      memory.bytes[*address - kMemoryVa + i / 2] = static_cast<u8>(*hex(value.substr(i, 2)));
    return true;
  }

  bool number(State& s, const std::string& name, u64 v) {
    if (name[0] == 'x' && name.size() <= 3) {
      s.x[std::stoul(name.substr(1))] = v;
    } else if (name == "sp") {
      s.x[31] = v;
    } else if (name == "pc") {
      s.pc = v;
    } else if (name == "fpcr") {
      s.fpcr = static_cast<u32>(v);
    } else if (name == "fpsr") {
      s.fpsr = static_cast<u32>(v);
    } else {
      return false;
    }
    return true;
  }

  bool mode(const std::string& name, u32 v) {
    if (name == "el")
      out.mode.set_el(v);
    else if (name == "be")
      out.mode.set_big_endian(v);
    else if (name == "sa")
      out.mode.set_sp_align_check(v);
    else if (name == "a")
      out.mode.set_align_check(v);
    else if (name == "tbi")
      out.mode.set_tbi(v);
    else if (name == "uao")
      out.mode.set_uao(v);
    else if (name == "pac")
      out.mode.set_pac(v);
    else if (name == "ordered")
      out.mode.set_ordered(v);
    else
      return false;
    return true;
  }

  bool exception(const std::string& name, const std::string& value) {
    if (name == "exc") {
      out.exception.emplace();
      const usize colon = value.find(':');
      const std::string ec = value.substr(0, colon);
      if (colon != std::string::npos) out.exception->iss = static_cast<u32>(*hex(value.substr(colon + 1)));
      if (ec == "undef")
        out.exception->ec = cpu::kEcUnknown;
      else if (ec == "svc")
        out.exception->ec = cpu::kEcSvc;
      else if (ec == "brk")
        out.exception->ec = cpu::kEcBrk;
      else if (ec == "spalign")
        out.exception->ec = cpu::kEcSpAlign;
      else
        out.exception->ec = static_cast<u32>(*hex(ec));
      return true;
    }
    if (!out.exception) return false;
    if (name == "far")
      out.exception->far = *hex(value);
    else if (name == "next")
      out.exception->return_to_next = true;
    else
      return false;
    return true;
  }

  // A processor that lacks features of -cpu max.
  bool without(const std::string& names) {
    if (names == "all") {
      out.features = {};
      return true;
    }
    std::string properties = "max";
    for (usize at = 0; at < names.size();) {
      const usize end = std::min(names.find(',', at), names.size());
      properties += "," + names.substr(at, end - at) + "=off";
      at = end + 1;
    }
    auto model = cpu::make_model(properties);
    if (model) out.features = model->features;
    return model.ok();
  }

  void word(State& s, const std::string& text, bool before) {
    const usize equals = text.find('=');
    if (equals == std::string::npos || equals == 0) return fail(text);
    const std::string name = text.substr(0, equals), value = text.substr(equals + 1);
    if (name == "nzcv") {
      s.nzcv = flags(value);
      return;
    }
    if (name.rfind("m:", 0) == 0)
      return memory(before ? out.memory_before : out.memory_after, name, value) ? void() : fail(text);
    if (name[0] == 'v' && vector(s, name, value)) return;
    if (before && name == "without") return without(value) ? void() : fail(text);
    if (!before && exception(name, value)) return;
    const auto v = hex(value);
    if (!v) return fail(text);
    if (before && mode(name, static_cast<u32>(*v))) return;
    if (!number(s, name, *v)) fail(text);
  }

  void words(State& s, const std::string& text, bool before) {
    std::istringstream in(text);
    for (std::string w; in >> w;)
      if (w != "=>") word(s, w, before);
  }
};

std::vector<u32> slot_words(const std::string& code, usize slot) {
  std::vector<u32> words;
  for (usize i = 0; i < kSlotBytes; i += 4) {
    u32 w;
    std::memcpy(&w, code.data() + slot * kSlotBytes + i, 4);
    if (w == kFiller) break;
    words.push_back(w);
  }
  return words;
}

void set_default_mode(Case& c) {
  c.mode.set_el(1);
  c.mode.set_sp_sel(1);
  c.mode.set_mmu(1);
}

}  // namespace

State default_state() {
  State s{};
  for (u64 n = 0; n < 31; ++n) s.x[n] = 0xf0e1d2c3b4a59687 ^ n * 0x0101010101010101;
  s.x[31] = 0x20001000;
  for (u64 n = 0; n < 32; ++n)
    s.v[n] = {0x3ff8000040200000 + n * 0x0010000000100000, 0xc0080000bfc00000 + n * 0x0001000000010000};
  return s;
}

Result<std::vector<Case>> read_cases(const std::string& text_path, const std::string& code_path) {
  std::ifstream text(text_path), binary(code_path, std::ios::binary);
  if (!text) return Error{text_path + ": cannot be opened"};
  if (!binary) return Error{code_path + ": cannot be opened"};
  const std::string code((std::istreambuf_iterator<char>(binary)), std::istreambuf_iterator<char>());
  std::vector<Case> cases;
  unsigned line_number = 0;
  for (std::string line; std::getline(text, line);) {
    ++line_number;
    if (line.empty() || line[0] == '#') continue;
    const usize first = line.find('|'), second = line.find('|', first + 1);
    Case& c = cases.emplace_back();
    c.where = text_path.substr(text_path.rfind('/') + 1) + ":" + std::to_string(line_number);
    c.text = line;
    if (second == std::string::npos) return Error{c.where + ": two bars expected"};
    if (cases.size() * kSlotBytes > code.size()) return Error{code_path + ": shorter than " + text_path};
    c.words = slot_words(code, cases.size() - 1);
    set_default_mode(c);
    Parser parser{c, {}};
    c.before = default_state();
    c.memory_before = {};
    parser.words(c.before, line.substr(first + 1, second - first - 1), true);
    c.mode.set_fpcr(cpu::fpcr_key(c.before.fpcr));
    c.after = c.before;
    c.memory_after = c.memory_before;
    c.after.pc = kCodeVa + 4 * c.words.size();
    parser.words(c.after, line.substr(second + 1), false);
    if (!parser.error.empty()) return Error{parser.error};
  }
  if (cases.size() * kSlotBytes != code.size())
    return Error{code_path + ": not one slot for each line of " + text_path};
  return cases;
}

}  // namespace ferry::insn
