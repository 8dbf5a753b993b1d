//! What every store must do, whatever is beneath it. The claims know only `Arc<dyn Store>` and a clock that stands
//! still until it is moved; a second backend passes the same ones, unchanged, from a second [`contract!`].

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod actions;
mod alarms;
mod answers;
mod chats;
mod claims;
mod clearing;
mod inbox;
mod leaves;
mod memory;
mod migrated;
mod model;
mod outbox;
mod pacing;
mod people;
mod samples;
mod sessions;
mod shared;
mod spend;
mod sqlite;
mod suspects;
mod talk;
mod traces;
mod upkeep;
mod verdicts;
mod windows;
mod world;

/// Runs every claim on the backend whose module has `open() -> World`.
macro_rules! contract {
    ($backend:ident: $($area:ident { $($claim:ident),* $(,)? })*) => {
        mod on {
            pub(super) mod $backend {
                $(mod $area {
                    $(
                        #[tokio::test(start_paused = true)]
                        async fn $claim() {
                            crate::$area::$claim(crate::$backend::open().await).await;
                        }
                    )*
                })*

                #[test]
                fn no_window_exceeds_a_limit_and_every_answer_arrives_in_its_chats_order() {
                    crate::pacing::no_window_exceeds_a_limit(crate::$backend::open);
                }

                #[test]
                fn a_shared_rate_never_grants_more_than_its_minute_allows() {
                    crate::pacing::a_shared_rate_never_grants_more(crate::$backend::open);
                }

                #[test]
                fn any_interleaving_commits_one_answer_for_each_update_and_loses_none() {
                    crate::model::any_interleaving(crate::$backend::open);
                }
            }
        }
    };
}

contract! {
    sqlite:
    samples {
        samples_of_all_replicas_become_one_figure_a_step,
        every_span_keeps_its_steps_and_no_more,
        a_clock_that_steps_back_leaves_no_samples_of_the_future,
        a_step_takes_so_many_series_and_no_more,
    }
    sessions {
        a_link_opens_one_session,
        of_many_that_spend_a_link_at_once_one_comes_in,
        links_and_sessions_end_in_time,
        links_and_sessions_are_few,
    }
    inbox {
        a_redelivered_update_is_a_duplicate_forever,
        of_a_hundred_deliveries_at_once_one_is_new,
        an_unusable_update_goes_to_the_dead_letters_at_once,
        the_depth_counts_what_waits_and_what_is_dead,
        a_dead_letter_can_be_shown_retried_and_dropped,
    }
    claims {
        rows_come_in_the_order_of_arrival,
        the_lane_that_waits_longest_is_claimed_first,
        a_lane_has_one_live_claim,
        fifty_waiting_rows_are_one_turn,
        attempts_are_counted_at_the_claim,
        an_expired_lease_is_taken_over_and_its_owner_fenced,
        a_renewed_claim_outlives_its_first_lease,
        release_gives_back_the_attempts_of_this_owner_only,
        topics_and_chats_are_lanes_of_their_own,
        an_express_lane_does_not_wait_for_a_running_turn,
        the_next_due_time_is_that_of_the_next_claim,
        a_clock_that_stepped_back_does_not_strand_a_lane,
    }
    suspects {
        a_row_that_was_lost_twice_runs_beside_no_other_such_row,
        a_row_that_failed_and_was_not_lost_is_no_suspect,
        an_update_that_ends_its_process_dies_alone,
    }
    verdicts {
        a_retried_row_comes_alone,
        rows_of_a_failed_turn_come_one_by_one_in_order,
        a_row_in_backoff_does_not_stop_later_ones,
        a_row_in_backoff_is_not_of_the_turn_that_goes_on_around_it,
        a_dead_row_leaves_the_others_of_its_turn_alone,
        a_verdict_on_another_claims_row_changes_nothing,
    }
    leaves {
        a_finished_turn_leaves_everything_at_once,
        a_fenced_finish_leaves_nothing,
        a_chat_hears_one_failure_line_in_ten_minutes,
        an_answer_without_parts_is_refused_and_leaves_nothing,
    }
    memory {
        a_window_holds_the_newest_messages_in_order,
        the_window_moves_by_blocks,
        chats_and_topics_never_mix,
        an_edit_replaces_the_text_and_adds_no_message,
        an_album_is_one_message_of_the_window,
        the_pictures_of_an_album_are_found_around_one_of_them,
        an_answer_stands_where_it_stands_in_the_chat,
        a_message_is_found_by_its_id_however_old,
        what_is_remembered_comes_back_whole,
    }
    windows {
        a_window_that_is_read_again_shows_every_change,
        a_chat_that_was_forgotten_and_comes_again_shows_nothing_of_before,
        an_opening_tells_at_once_how_a_chat_stands_and_what_was_said,
    }
    migrated {
        a_groups_memory_follows_it_to_its_new_id,
        a_long_memory_follows_in_steps_the_newest_first,
        what_a_group_spent_and_was_told_follows_it,
    }
    outbox {
        parts_go_in_order_one_after_the_other,
        a_retried_part_goes_again_and_the_next_waits_for_it,
        a_blocked_chat_waits_and_the_others_do_not,
        a_send_without_its_reply_goes_to_the_chat_itself,
        a_migrated_group_gets_its_messages_at_the_new_id,
        a_send_that_meets_a_known_migration_arrives,
        a_chat_gets_one_message_at_a_time,
        a_chat_whose_sender_died_is_looked_at_less_and_less_often,
        an_end_that_is_recorded_twice_does_not_end_the_next_call,
        an_unknown_part_does_not_stop_the_next,
        a_refused_part_takes_the_rest_along,
        a_dead_chat_refuses_what_waits_until_it_writes_again,
        an_answer_that_waited_too_long_expires,
        an_answer_that_must_wait_past_its_end_expires_on_time,
        a_clock_that_stepped_back_does_not_strand_a_send,
        a_send_whose_sender_died_is_unknown_and_not_made_again,
        an_ended_send_is_fenced,
        an_end_that_is_recorded_again_says_the_same_and_changes_nothing,
        a_message_that_was_given_up_and_arrived_is_remembered,
        another_owners_send_cannot_be_ended,
        what_is_sent_is_remembered,
        begin_takes_no_more_than_it_is_asked_for,
        a_delayed_answer_is_not_overtaken_in_its_chat,
        entities_and_flags_come_back_whole,
        the_depth_and_the_counts_name_every_state,
    }
    alarms {
        alarms_are_kept_whole_with_what_is_said_of_them,
        who_does_not_hold_the_lease_tells_nothing,
        an_alarm_whose_sender_died_is_ready_again,
        doubtful_sends_and_unsent_alarms_are_counted,
    }
    actions {
        a_reaction_and_an_edit_come_back_whole,
        buttons_stand_under_the_last_part,
        a_reaction_leaves_no_message_and_an_edit_changes_the_remembered_one,
        what_is_no_message_is_done_again_if_its_sender_died,
        reactions_and_edits_keep_the_limits_too,
        what_is_about_a_message_stays_behind_when_its_group_moves,
        an_edit_in_two_parts_is_refused,
        why_something_was_said_is_known_once_it_is_sent,
        why_it_reacted_is_known_of_the_message_under_which_it_did,
        what_else_a_turn_leaves_comes_after_its_answer_and_holds_up_no_lane,
    }
    answers {
        a_lane_waits_until_its_answer_is_sent,
        a_lane_waits_until_its_answer_is_refused,
        a_lane_waits_until_its_answer_is_unknown,
        a_lane_waits_until_its_answer_expires,
        a_lane_waits_for_the_last_part,
        an_unsent_notice_does_not_block_its_express_lane,
        addressed_messages_are_answered_within_thirty_seconds_or_late,
        addressed_messages_share_the_fate_of_the_worst_part,
    }
    chats {
        an_admin_is_asked_once_about_a_chat,
        a_decision_holds_and_is_listed,
        groups_are_listed_with_counts_and_opened_by_name,
        it_introduces_itself_once_for_each_coming,
        who_opted_out_is_told_once_a_day,
        notices_go_anywhere_and_block_no_lane,
        a_notice_is_not_remembered,
        settings_are_kept_one_by_one,
        a_migrated_group_keeps_what_was_decided_and_set,
        a_chat_that_was_left_is_deleted_with_all_that_was_said_there,
        a_deleted_chat_stays_refused,
        a_chat_to_which_it_came_back_is_not_left,
        old_messages_are_forgotten_piece_by_piece,
    }
    people {
        who_opted_out_is_neither_remembered_nor_shown,
        a_ban_is_set_and_lifted_once,
        being_forgotten_takes_two_updates_within_ten_minutes,
        a_forgotten_person_leaves_no_word_and_the_others_stay,
        a_person_of_many_messages_is_forgotten_whole,
        what_was_on_its_way_is_not_remembered_after_the_forgetting,
        a_forgotten_persons_raw_updates_are_emptied,
        an_unsent_answer_to_a_forgotten_person_is_not_sent,
        what_answers_a_forgotten_message_is_not_remembered,
        a_forgotten_message_stays_forgotten,
        a_forgotten_picture_takes_its_album_along,
        an_export_is_all_of_a_person_and_nothing_of_others,
        the_ledger_of_deletions_holds_ids_and_times,
        calls_of_models_lose_a_forgotten_person,
    }
    shared {
        a_lease_has_one_holder_until_it_ends,
        a_clock_that_stepped_back_does_not_keep_a_dead_holders_lease,
        a_lease_can_be_ended_early_by_its_holder_only,
        a_fact_is_kept_and_replaced,
        a_heartbeat_replaces_its_own_and_forgets_those_of_yesterday,
        the_newest_hundred_errors_are_kept,
        an_error_that_comes_again_is_one_entry,
        a_healthy_store_checks_and_checkpoints,
        a_rate_admits_a_burst_and_then_makes_wait,
        rates_of_different_names_do_not_share_slots,
    }
    talk {
        the_talk_log_counts_a_days_people_and_what_was_said_unasked,
        what_is_unasked_is_taken_from_the_budget_when_it_is_said,
        silence_drops_what_is_not_sent_and_refuses_more,
        a_grave_moment_drops_what_is_not_sent_and_is_never_shortened,
        a_line_learns_its_message_and_how_it_was_taken,
        no_lane_waits_for_what_nobody_asked_for,
        only_quiet_groups_that_talk_to_the_bot_are_found,
        a_spontaneous_line_is_taken_from_the_budget_too,
    }
    spend {
        a_turns_calls_are_added_up_for_the_bot_the_chat_and_the_person,
        calls_without_a_turn_are_kept_too,
        a_day_of_spending_is_a_day_in_kyiv,
        the_models_figures_name_each_model_and_the_calls_without_a_price,
        a_person_hears_one_limit_line_a_day_in_whatever_chat,
        an_answer_is_kept_for_an_hour_and_for_its_chat,
        kept_answers_are_bounded_in_length_in_a_chat_and_in_all,
        kept_answers_go_with_who_asked_for_them,
        the_unasked_get_a_fifth_of_the_slots_that_the_asked_leave,
    }
    clearing {
        an_update_is_a_duplicate_for_a_week,
        what_waits_is_not_cleared_however_old,
        after_all_was_cleared_everything_goes_on,
        an_old_dead_letter_loses_its_body_and_later_goes,
        a_send_is_known_for_a_week_after_its_end,
        what_was_spent_is_kept_as_long_as_it_is_shown,
        the_talk_keeps_what_a_budget_still_needs,
        of_a_chat_that_was_passed_by_nothing_is_left,
        a_chat_that_was_let_in_or_has_set_something_stays,
        of_people_only_what_they_wished_is_kept,
        a_claim_of_a_lane_that_was_cleared_is_fenced,
        a_piece_is_a_thousand_rows_at_most,
        room_is_given_back_and_the_tables_are_looked_at,
    }
    upkeep {
        what_is_stored_takes_room,
        a_backup_is_a_file_that_a_newer_one_of_its_hour_replaces,
    }
}
