#include "ir/text.h"

#include <fmt/format.h>

namespace ferry::ir {
namespace {

std::string_view type_name(Type t) {
  switch (t) {
    case Type::None: return "";
    case Type::I32: return ".i32";
    case Type::I64: return ".i64";
    case Type::F32: return ".f32";
    case Type::F64: return ".f64";
    case Type::V128: return ".v128";
  }
  return "";
}

bool prints_imm(const Inst& inst) {
  return inst.imm != 0 || inst.op == Op::Const || inst.op == Op::VConst || inst.op == Op::ExitNext;
}

}  // namespace

std::string print(const Block& block, Value index) {
  const Inst& inst = block.insts[index];
  if (inst.op == Op::Insn) return fmt::format("; {:03x}: {:08x}", marker_index(inst.imm) * 4, marker_word(inst.imm));
  std::string s = inst.result_type() == Type::None ? std::string("  ") : fmt::format("  %{} = ", index);
  s += info(inst.op).name;
  s += type_name(inst.type);
  if (inst.from != Type::None) s += fmt::format("{}", type_name(inst.from));
  if (info(inst.op).name[0] == 'V') s += fmt::format(" lane{}", 8u << inst.lane);
  for (unsigned i = 0; i < inst.arg_count(); ++i) s += fmt::format("{} %{}", i == 0 ? "" : ",", inst.args[i]);
  if (inst.aux != 0 || inst.op == Op::GetX || inst.op == Op::SetX) s += fmt::format(" aux={}", inst.aux);
  if (info(inst.op).effect == Effect::Exit && (inst.op == Op::ExitIf || inst.op == Op::ExitCall))
    return s + fmt::format(" [{:#x}, {:#x}]", first_offset(inst.imm), second_offset(inst.imm));
  if (prints_imm(inst)) s += fmt::format(" {:#x}", inst.imm);
  return s;
}

std::string print(const Block& block) {
  std::string s;
  for (usize i = 0; i < block.insts.size(); ++i) s += print(block, static_cast<Value>(i)) + "\n";
  return s;
}

}  // namespace ferry::ir
