//! What a worker process gives up before the first script: memory, files, network, every system call that it does not need.

use std::collections::BTreeMap;
use std::io;

use rustix::process::{Resource, Rlimit, getpid, getrlimit, setrlimit};
use seccompiler::{
    SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};

/// Address space besides the stack of the thread for scripts.
const ADDRESS_SPACE_BYTES: usize = 512 << 20;
/// Descriptors: the socket twice, output, errors.
const DESCRIPTORS: u64 = 16;

/// System calls that remain. Everything else fails with `EPERM`.
const CALLS: &[i64] = &[
    // The socket.
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_recvfrom,
    libc::SYS_sendto,
    libc::SYS_close,
    // Memory.
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_mprotect,
    libc::SYS_brk,
    // Clocks, and waiting.
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_restart_syscall,
    // Seeds of hash maps.
    libc::SYS_getrandom,
    // Ending, by itself or by a fault.
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_getppid,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
];

/// Gives up what scripts do not need, for all threads of this process and for good.
///
/// # Errors
/// What could not be given up; the rest was.
pub(super) fn confine(stack_bytes: usize) -> io::Result<()> {
    let limited = limit(stack_bytes);
    let filtered = filter();
    limited.and(filtered)
}

fn limit(stack_bytes: usize) -> io::Result<()> {
    // What was inherited may be less already.
    let most = |resource, bytes: u64| {
        let inherited = getrlimit(resource).maximum;
        let bytes = Some(inherited.map_or(bytes, |inherited| inherited.min(bytes)));
        setrlimit(
            resource,
            Rlimit {
                current: bytes,
                maximum: bytes,
            },
        )
    };
    let address_space = ADDRESS_SPACE_BYTES.saturating_add(stack_bytes);
    let limited = [
        most(Resource::As, address_space as u64),
        most(Resource::Core, 0),
        most(Resource::Fsize, 0),
        most(Resource::Nofile, DESCRIPTORS),
    ];
    limited
        .into_iter()
        .collect::<Result<(), _>>()
        .map_err(io::Error::from)
}

fn filter() -> io::Result<()> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(io::Error::other)?;
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        CALLS.iter().map(|call| (*call, Vec::new())).collect();
    // A signal for itself, to end by a fault, and for nobody else.
    let own = u64::from(getpid().as_raw_nonzero().get().unsigned_abs());
    let to_itself = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, own);
    let to_itself = to_itself.and_then(|condition| SeccompRule::new(vec![condition]));
    rules.insert(libc::SYS_tgkill, vec![to_itself.map_err(io::Error::other)?]);
    let refuse = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let filter = SeccompFilter::new(rules, refuse, SeccompAction::Allow, arch);
    let program: seccompiler::BpfProgram = filter
        .and_then(TryInto::try_into)
        .map_err(io::Error::other)?;
    seccompiler::apply_filter_all_threads(&program).map_err(io::Error::other)
}
