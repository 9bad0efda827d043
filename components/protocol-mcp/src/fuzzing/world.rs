//! A gateway with a tool for each way in which a call can go.

use crate::bindings::tidegate::gateway::calls::{Error, Event, Outcome, Request};
use crate::bindings::tidegate::types::content::Severity;
use crate::bindings::tidegate::types::event::{Message, Progress};
use crate::bindings::tidegate::types::input::{Form, NamedQuestion, Question, Questions, Visit};
use crate::bindings::tidegate::types::tools::TaskSupport;
use crate::double::{Double, done};

/// The gateway.
pub(super) fn world() -> Double {
    let fail = |name: &'static str, error: fn() -> Error| {
        move |double: Double| double.tool(name, move |_| vec![Event::Done(Err(error()))])
    };
    let double = Double::default()
        .tool("echo", |_| vec![done("hi \u{2028} \u{0} \n there")])
        .tool("slow", |_| vec![])
        .tool("work", |_| vec![progress(1.0), message(), progress(f64::NAN), progress(2.0), done("worked")])
        .tool("ask", |request| ask(request, &[("dirs", Question::Roots), ("name", form())]))
        .tool("visit", |request| ask(request, &[("there", visit())]))
        .tool("task", |_| vec![])
        .tool("job", |request| ask(request, &[("name", form())]))
        .describe("task", |tool| tool.task = TaskSupport::Optional)
        .describe("job", |tool| tool.task = TaskSupport::Required)
        .describe("echo", |tool| {
            tool.input_schema = "{\"type\":\"object\",\"properties\":{\"region\":{\"type\":\"string\",\
                \"x-mcp-header\":\"Region\"}}}"
                .into();
        })
        .with("page-size", "3")
        .with("instructions", "be\nbrief");
    let double = fail("busy", || Error::Busy("soon".into()))(double);
    let double = fail("denied", || Error::Denied("no".into()))(double);
    let double = fail("invalid", || Error::InvalidArguments("`/a`".into()))(double);
    let double = fail("failed", || Error::Failed("it \"did\"".into()))(double);
    double.let_time_pass();
    double
}

fn progress(progress: f64) -> Event {
    Event::Progress(Progress { progress, total: None, message: Some("on\nand on".into()) })
}

fn message() -> Event {
    Event::Message(Message { severity: Severity::Error, logger: None, data: "{\n\"a\":1}".into() })
}

fn form() -> Question {
    Question::Form(Form { message: "Who?".into(), schema: "{\"type\":\"object\",\"properties\":{}}".into() })
}

fn visit() -> Question {
    Question::Visit(Visit { message: "Go".into(), url: "https://example.com/".into() })
}

/// Asks until there is an answer to everything.
fn ask(request: &Request, questions: &[(&str, Question)]) -> Vec<Event> {
    let named = |(id, question): &(&str, Question)| NamedQuestion { id: (*id).to_owned(), question: question.clone() };
    let open: Vec<NamedQuestion> =
        questions.iter().filter(|(id, _)| !request.answers.iter().any(|one| one.id == *id)).map(named).collect();
    if open.is_empty() {
        return vec![done("thanks")];
    }
    let questions = Questions { questions: open, state: Some(b"a state".to_vec()) };
    vec![Event::Done(Ok(Outcome::InputRequired(questions)))]
}
