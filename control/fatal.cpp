#include "control/fatal.h"

#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <ucontext.h>
#include <unistd.h>

#include <cstring>
#include <iterator>

#include "control/terminal.h"
#include "core/check.h"
#include "core/types.h"

namespace ferry::control {
namespace {

std::string& reproduction() {
  static std::string line;
  return line;
}

void say(const char* text) { (void)!write(STDERR_FILENO, text, std::strlen(text)); }

void print_reproduction() {
  terminal_restore();
  say("ferry: reproduce with: ");
  say(reproduction().c_str());
  say("\nferry: at");
  void* frames[32];
  const int count = backtrace(frames, 32);
  say("\n");
  backtrace_symbols_fd(frames, count, STDERR_FILENO);
}

// In a handler: nothing that allocates.
void say_hex(const char* before, u64 value) {
  char digits[] = "0x0000000000000000";
  for (usize i = std::size(digits) - 2; i > 1; --i, value >>= 4) digits[i] = "0123456789abcdef"[value & 15];
  say(before);
  say(digits);
}

u64 host_pc(const void* context) {
  const mcontext_t& m = static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  return static_cast<u64>(m.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return m.pc;
#else
  (void)m;
  return 0;
#endif
}

void on_fatal_signal(int number, siginfo_t* info, void* context) {
  terminal_restore();
  say("\nferry: internal error: ");
  const char* name = sigdescr_np(number);
  say(name != nullptr ? name : "fatal signal");
  char thread[16] = {};
  pthread_getname_np(pthread_self(), thread, sizeof thread);
  say_hex(" at the host's ", host_pc(context));
  say_hex(", address ", reinterpret_cast<u64>(info->si_addr));
  say(", thread ");
  say(thread);
  say("\n");
  // Unwinding reads what it is led to, in translated code too: another fault ends it, and nothing more.
  struct sigaction again{};
  again.sa_handler = [](int) { _exit(kExitInternal); };
  again.sa_flags = static_cast<int>(SA_NODEFER);
  for (int fault : {SIGSEGV, SIGBUS}) sigaction(fault, &again, nullptr);
  sigset_t mask;
  sigemptyset(&mask);
  for (int fault : {SIGSEGV, SIGBUS}) sigaddset(&mask, fault);
  pthread_sigmask(SIG_UNBLOCK, &mask, nullptr);
  print_reproduction();
  _exit(kExitInternal);
}

}  // namespace

void install_fatal_handlers(std::string line) {
  reproduction() = std::move(line);
  void* warm[1];
  (void)backtrace(warm, 1);  // loads what it needs now, not in a handler
  set_reproduction_printer(print_reproduction);
  struct sigaction action{};
  action.sa_sigaction = on_fatal_signal;
  action.sa_flags = SA_SIGINFO | static_cast<int>(SA_RESETHAND) | SA_ONSTACK;
  for (int number : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT}) sigaction(number, &action, nullptr);
}

}  // namespace ferry::control
