#include "control/fatal.h"

#include <execinfo.h>
#include <signal.h>
#include <unistd.h>

#include <cstring>

#include "control/terminal.h"
#include "core/check.h"

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

void on_fatal_signal(int number, siginfo_t*, void*) {
  terminal_restore();
  say("\nferry: internal error: ");
  const char* name = sigdescr_np(number);
  say(name != nullptr ? name : "fatal signal");
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
