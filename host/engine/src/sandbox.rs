//! What the compile child gives up before it reads a byte.

use std::collections::BTreeMap;

use landlock::{ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetStatus, Scope};
use rustix::process::{Resource, Rlimit, Signal, nice, set_parent_process_death_signal, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

use crate::config::CompileLimits;
use crate::wire::Sandbox;

/// Niceness: calls that are being served go first.
const NICE: i32 = 10;

/// Ends with the host, gives way to others, and is the first to go when memory runs out. Best effort.
pub(crate) fn be_humble() {
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    let _ = nice(NICE);
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
}

/// Applies the limits, then Landlock, then the filter. The limits must hold; the others are best effort, because
/// kernels may lack them.
///
/// # Errors
/// A resource limit could not be set.
pub(crate) fn enter(limits: &CompileLimits) -> Result<Sandbox, String> {
    let cpu = limits.cpu.as_secs().max(1);
    let all = [
        (Resource::As, limits.memory, limits.memory),
        // The kernel sends SIGXCPU at the first, SIGKILL at the second.
        (Resource::Cpu, cpu, cpu + 1),
        (Resource::Core, 0, 0),
        (Resource::Fsize, 0, 0),
    ];
    for (resource, current, maximum) in all {
        limit(resource, current, maximum)?;
    }
    let landlock = landlock();
    // After Landlock, which needs a descriptor for a moment.
    limit(Resource::Nofile, 3, 3)?;
    Ok(Sandbox { landlock, seccomp: seccomp().is_ok() })
}

fn limit(resource: Resource, current: u64, maximum: u64) -> Result<(), String> {
    setrlimit(resource, Rlimit { current: Some(current), maximum: Some(maximum) })
        .map_err(|error| format!("cannot set the limit {resource:?} to {current}: {error}"))
}

fn landlock() -> String {
    let abi = ABI::V6;
    let restricted = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(abi)))
        .and_then(|rules| rules.scope(Scope::from_all(abi)))
        .and_then(Ruleset::create)
        .and_then(landlock::RulesetCreated::restrict_self);
    let status = match restricted.map(|restricted| restricted.ruleset) {
        Ok(RulesetStatus::FullyEnforced) => "full",
        Ok(RulesetStatus::PartiallyEnforced) => "partial",
        Ok(RulesetStatus::NotEnforced) | Err(_) => "none",
    };
    status.to_owned()
}

/// What a compiler on one thread needs: its pipes, memory, time, and to end. Everything else is refused with EPERM.
fn seccomp() -> Result<(), Box<dyn std::error::Error>> {
    let plain = [
        libc::SYS_read,
        libc::SYS_readv,
        libc::SYS_write,
        libc::SYS_writev,
        libc::SYS_close,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        libc::SYS_brk,
        libc::SYS_futex,
        libc::SYS_sched_yield,
        libc::SYS_getrandom,
        libc::SYS_clock_gettime,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_getpid,
        libc::SYS_gettid,
        libc::SYS_tgkill,
        libc::SYS_restart_syscall,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ];
    let mut rules: BTreeMap<_, Vec<SeccompRule>> = plain.into_iter().map(|call| (call, Vec::new())).collect();
    // Memory, but none that can be executed: what it compiles runs elsewhere.
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        let exec = u64::try_from(libc::PROT_EXEC)?;
        let not_executable = SeccompCondition::new(2, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(exec), 0)?;
        rules.insert(call, vec![SeccompRule::new(vec![not_executable])?]);
    }
    let denied = SeccompAction::Errno(u32::try_from(libc::EPERM)?);
    let arch = std::env::consts::ARCH.try_into()?;
    let filter = SeccompFilter::new(rules, denied, SeccompAction::Allow, arch)?;
    let program: BpfProgram = filter.try_into()?;
    seccompiler::apply_filter(&program)?;
    Ok(())
}
