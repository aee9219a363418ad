// Host instructions in translated code that may fault, and where each goes on then: the one use of signals. SIGSEGV or
// SIGBUS at a listed host PC rewrites that PC and nothing else; at any other it is the previous handler's.
//
// There is one table in a process, as there is one handler. Entries come and go on any thread; the handler takes no
// lock: it reads a hash table whose slots are atomic words. A table that became too small stays until the process ends,
// since a handler may be reading it; they grow by doubling.
#pragma once
#include <span>

#include "core/types.h"

namespace ferry::jit {

struct FaultEntry {
  u64 pc = 0;     // of the instruction
  u64 label = 0;  // where it goes on
};

// Whether this host has the handler (x86-64 Linux).
bool faults_supported();
// Adds entries; installs the handler with the first. Their code does not run before.
void add_faults(std::span<const FaultEntry> entries);
// Takes entries out. Their code does not run any more.
void remove_faults(std::span<const FaultEntry> entries);
// Where the instruction at pc goes on; 0: it is not listed. Async-signal-safe.
u64 find_fault(u64 pc);
// Faults that were redirected so far in this process.
u64 faults_taken();

}  // namespace ferry::jit
