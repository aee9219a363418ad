// From guest words to an IR block.
#pragma once
#include <span>

#include "core/types.h"
#include "cpu/features.h"
#include "cpu/mode.h"
#include "ir/block.h"

namespace ferry::frontend {

// Translates guest instructions from words[0] (at byte offset page_offset of its 4 KiB page) up to the first that ends
// a block, the end of the page, or max_insns. words must hold everything from page_offset to the end of the page, or at
// least max_insns words. Every word gives a defined result: what is unallocated raises the UNDEFINED exception.
// features: of the processor's model; an instruction of a feature that is not there is UNDEFINED. Thread-safe.
void translate(ir::Block& out, std::span<const u32> words, u32 page_offset, cpu::Mode mode, unsigned max_insns,
               cpu::FeatureSet features = {});

}  // namespace ferry::frontend
