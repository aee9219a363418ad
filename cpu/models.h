// CPU models: the values of the identification registers and the features of a named core.
#pragma once
#include <string_view>
#include <vector>

#include "core/result.h"
#include "cpu/state.h"

namespace ferry::cpu {

struct Model {
  std::string_view name;                // "cortex-a57"
  std::string_view compatible;          // device-tree compatible, "arm,cortex-a57"
  void (*set_id_registers)(CpuState&);  // of an ARMv8.0 core; what `features` adds comes on top (cpu::advertise)
  FeatureSet features;
};
Result<const Model*> find_model(std::string_view name);
// What `-cpu` names: MODEL[,PROPERTY=on|off]... The properties are those of `-cpu max` (model_properties()): every
// feature by its name in small letters, `pauth` and `pauth-impdef`. A feature that is switched off takes those of the
// same ID field that include it along, one that is switched on brings what it includes.
Result<Model> make_model(std::string_view text);
// The names of the properties that can be changed.
std::vector<std::string> model_properties();
std::vector<std::string_view> model_names();

// Architectural reset of a warm, powered-on PE at entry_el with everything masked: registers zero, system registers at
// their reset values, ID registers of the model, MPIDR from cpu_index. Host words (tables, env, stubs) are left alone.
void reset(CpuState& s, const Model& model, u32 cpu_index, unsigned entry_el);

}  // namespace ferry::cpu
