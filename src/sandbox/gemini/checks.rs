//! What Gemini refuses about a request that can be read (gemini_api.md sections 2 and 5).

use super::{
    media,
    models::{INPUT_TOKENS_MAX, Model, OUTPUT_TOKENS_MAX},
    refusal::Refusal,
    request::{Content, GenerationConfig, Part, Request, ThinkingConfig},
};

type Checked = Result<(), Refusal>;

/// All checks.
pub(super) fn check(model: &Model, request: &Request<'_>, prompt_tokens: u64) -> Checked {
    check_contents(model, &request.contents)?;
    check_calls(&request.contents)?;
    if let Some(system) = &request.system_instruction {
        check_parts(system, "GenerateContentRequest.system_instruction")?;
    }
    if request.cached_content.is_some() && (request.system_instruction.is_some() || !request.tools.is_empty()) {
        return Err(Refusal::invalid(
            "CachedContent can not be used with GenerateContent request setting system_instruction, tools or tool_config.",
        ));
    }
    check_safety(request)?;
    if let Some(config) = &request.generation_config {
        check_config(model, config)?;
    }
    if prompt_tokens > INPUT_TOKENS_MAX {
        return Err(Refusal::invalid(format!(
            "The input token count ({prompt_tokens}) exceeds the maximum number of tokens allowed ({INPUT_TOKENS_MAX})."
        )));
    }
    Ok(())
}

fn check_contents(model: &Model, contents: &[Content<'_>]) -> Checked {
    let Some(last) = contents.last() else {
        return Err(Refusal::invalid("* GenerateContentRequest.contents: contents is not specified\n"));
    };
    for (number, content) in contents.iter().enumerate() {
        if !matches!(content.role.as_deref(), None | Some("user" | "model")) {
            return Err(Refusal::invalid("Please use a valid role: user, model."));
        }
        check_parts(content, &format!("GenerateContentRequest.contents[{number}]"))?;
    }
    if last.role.as_deref() == Some("model") && !model.may_end_with_model {
        return Err(Refusal::invalid("Requests ending with a model turn are not supported."));
    }
    Ok(())
}

fn check_parts(content: &Content<'_>, path: &str) -> Checked {
    if content.parts.is_empty() {
        return Err(Refusal::invalid(format!("* {path}.parts: contents.parts must not be empty.\n")));
    }
    for (number, part) in content.parts.iter().enumerate() {
        match data_fields(part) {
            1 => {}
            0 => {
                return Err(Refusal::invalid(format!(
                    "* {path}.parts[{number}].data: required oneof field 'data' must have one initialized field\n"
                )));
            }
            _ => {
                return Err(Refusal::invalid(format!(
                    "Invalid value at '{path}.parts[{number}]' (oneof), oneof field 'data' is already set."
                )));
            }
        }
        if let Some(blob) = &part.inline_data {
            media::check(blob, &format!("{path}.parts[{number}]"))?;
        }
    }
    Ok(())
}

fn data_fields(part: &Part<'_>) -> usize {
    [
        part.text.is_some(),
        part.inline_data.is_some(),
        part.file_data.is_some(),
        part.function_call.is_some(),
        part.function_response.is_some(),
        part.executable_code.is_some(),
        part.code_execution_result.is_some(),
        part.tool_call.is_some(),
        part.tool_response.is_some(),
    ]
    .into_iter()
    .filter(|set| *set)
    .count()
}

/// Function calls and their responses stand in adjacent turns, one response for each call.
fn check_calls(contents: &[Content<'_>]) -> Checked {
    let mut open_calls = 0;
    for content in contents {
        let calls = content.parts.iter().filter(|part| part.function_call.is_some()).count();
        let responses = content.parts.iter().filter(|part| part.function_response.is_some()).count();
        if responses > 0 && open_calls == 0 {
            return Err(Refusal::invalid(
                "Please ensure that function response turn comes immediately after a function call turn.",
            ));
        }
        if responses != open_calls {
            return Err(Refusal::invalid(
                "Please ensure that the number of function response parts is equal to the number of function call parts \
                 of the function call turn.",
            ));
        }
        open_calls = calls;
    }
    let last_call = contents.iter().rev().find(|content| content.parts.iter().any(|part| part.function_call.is_some()));
    let first_call = last_call.and_then(|content| content.parts.iter().find(|part| part.function_call.is_some()));
    if first_call.is_some_and(|part| part.thought_signature.is_none()) {
        return Err(Refusal::invalid("Function call is missing a thought_signature in functionCall parts."));
    }
    Ok(())
}

fn check_safety(request: &Request<'_>) -> Checked {
    const CATEGORIES: [&str; 5] =
        ["HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT", "CIVIC_INTEGRITY"];
    const THRESHOLDS: [&str; 5] =
        ["BLOCK_LOW_AND_ABOVE", "BLOCK_MEDIUM_AND_ABOVE", "BLOCK_ONLY_HIGH", "BLOCK_NONE", "OFF"];
    for (number, setting) in request.safety_settings.iter().enumerate() {
        let category = setting.category.strip_prefix("HARM_CATEGORY_").unwrap_or_default();
        if !CATEGORIES.contains(&category) {
            return Err(bad_enum(&format!("safety_settings[{number}].category"), &setting.category));
        }
        if !THRESHOLDS.contains(&setting.threshold.as_str()) {
            return Err(bad_enum(&format!("safety_settings[{number}].threshold"), &setting.threshold));
        }
        if request.safety_settings[..number].iter().any(|earlier| earlier.category == setting.category) {
            return Err(Refusal::invalid(
                "* GenerateContentRequest.safety_settings: element predicate failed: duplicate\n",
            ));
        }
    }
    Ok(())
}

fn bad_enum(field: &str, value: &str) -> Refusal {
    Refusal::invalid(format!("Invalid value at '{field}' (TYPE_ENUM), \"{value}\""))
}

fn check_config(model: &Model, config: &GenerationConfig) -> Checked {
    let refuse = |field: &str, why: &str| {
        Err(Refusal::invalid(format!("* GenerateContentRequest.generation_config.{field}: {why}\n")))
    };
    if config.max_output_tokens.is_some_and(|most| !(1..=OUTPUT_TOKENS_MAX).contains(&most)) {
        return refuse("max_output_tokens", "max_output_tokens must be positive and within the model's limit");
    }
    if config.temperature.is_some_and(|temperature| !(0.0..=2.0).contains(&temperature)) {
        return refuse("temperature", "temperature must be in the range [0.0, 2.0].");
    }
    if config.stop_sequences.len() > 5 {
        return refuse("stop_sequences", "at most 5 stop sequences");
    }
    if config.candidate_count.is_some_and(|count| count != 1) {
        return Err(Refusal::invalid("Multiple candidates is not enabled for this model"));
    }
    let has_schema = config.response_schema.is_some() || config.response_json_schema.is_some();
    if config.response_schema.is_some() && config.response_json_schema.is_some() {
        return refuse("response_json_schema", "only one of response_schema and response_json_schema may be set");
    }
    if has_schema && config.response_mime_type.as_deref() != Some("application/json") {
        return refuse("response_schema", "only allowed for mime type application/json");
    }
    config.thinking_config.as_ref().map_or(Ok(()), |thinking| check_thinking(model, thinking))
}

fn check_thinking(model: &Model, thinking: &ThinkingConfig) -> Checked {
    if thinking.thinking_budget.is_some() && thinking.thinking_level.is_some() {
        return Err(Refusal::invalid("You can only set only one of thinking budget and thinking level."));
    }
    if thinking.thinking_budget.is_some() && !model.takes_budget {
        return Err(Refusal::invalid("Thinking budget is not supported for this model."));
    }
    let Some(level) = &thinking.thinking_level else { return Ok(()) };
    let level = level.to_ascii_uppercase();
    if !["MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"].contains(&level.as_str()) {
        return Err(bad_enum("generation_config.thinking_config.thinking_level", &level));
    }
    if model.levels.is_empty() {
        return Err(Refusal::invalid("Thinking level is not supported for this model."));
    }
    if !model.levels.contains(&level.as_str()) {
        return Err(Refusal::invalid(format!(
            "Thinking level {level} is not supported for this model. Please retry with other thinking level."
        )));
    }
    Ok(())
}
