pub(crate) fn command(_: &crate::layout::Layout, _: &[String]) -> anyhow::Result<std::process::ExitCode> { anyhow::bail!("wip") }
